"""Using the GPU inside, as the study's own programs would."""

import shlex
import sys
from collections.abc import Mapping

from overnight.config import Study
from overnight.doctor.asking import PROBES, answer
from overnight.doctor.shell_lines import started_by
from overnight.doctor.ward import Ward
from overnight.errors import SandboxFailed

_PATIENCE_S = 300.0


def use_gpu(study: Study, ward: Ward, *, after_setup: bool) -> Mapping[str, str]:
    """What the study's Python makes of the GPU; see the probe ``compute``.

    Our own Python takes its place where the study has none, or one that cannot be started.

    Args:
        after_setup: Whether that Python is there only after the study's setup.
    """
    commands = started_by(study.measure.command)
    python = next((started.python for started in commands if started.python), ())
    if python:
        try:
            return _use(ward, python, after_setup=after_setup)
        except SandboxFailed:
            pass  # tools.modules tells what is wrong with it
    return _use(ward, (sys.executable,), after_setup=False)


def _use(ward: Ward, python: tuple[str, ...], *, after_setup: bool) -> Mapping[str, str]:
    checkout = ward.ready.checkout if after_setup else ward.checkout
    line = shlex.join([*python, str(PROBES / "compute.py")])
    told = ward.run(line, name="compute", checkout=checkout, deadline_s=_PATIENCE_S)
    found: Mapping[str, str] = answer(told, probe="compute")
    return found
