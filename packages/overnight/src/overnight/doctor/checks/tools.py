"""The programs that the study's commands start, and the packages that those need."""

import shlex
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from shutil import which

from overnight.doctor.asking import PROBES, Told, answer, lookup_line
from overnight.doctor.check import Group, Result, checks, failed, ok, skipped, warning
from overnight.doctor.imports import outside_imports
from overnight.doctor.packages import explain
from overnight.doctor.patient import Patient
from overnight.doctor.shell_lines import Started, started_by
from overnight.doctor.words import listed
from overnight.durations import format_duration

_SHARE_OF_DEADLINE = 0.8
_INLINE = "# /// script"


def programs(patient: Patient) -> Result:
    """Every program and script that the study's commands name is there inside."""
    named = {started.program: key for key, started in _started(patient)}
    scripts = {started.script: key for key, started in _started(patient) if started.script}
    absent = [path for path in scripts if path not in patient.files]
    if absent and patient.study.setup is None:
        return failed(
            f"{absent[0]}, which {scripts[absent[0]]} names, is not in the commit.",
            fix=f"Run `git add {absent[0]} && git commit`, or correct {scripts[absent[0]]}.",
        )
    asked = [name for name in named if "/" not in name or patient.study.setup is None]
    told = patient.ward.run(lookup_line(asked), name="programs")
    missing = [name for name in asked if name in told.text.splitlines()]
    if not missing:
        return ok(f"{listed(named)} can be started inside.")
    return _missing_program(missing[0], named[missing[0]], patient.files)


def package_manager(patient: Patient) -> Result:
    """The package manager works inside: its cache can be used, and packages are there offline."""
    runner = next((it for _, it in _started(patient) if it.program == "uv"), None)
    if runner is None:
        return ok("The study's commands use no uv.")
    told = patient.ward.run("uv --version && uv cache dir", name="uv")
    if told.failure is not None:
        return _complained("uv does not work inside", told)
    version, *_ = told.text.splitlines()
    measured = next((it for it in started_by(patient.study.measure.command) if it.runner), None)
    if measured is None or patient.study.setup is not None:
        return ok(f"{version} works inside; whether its packages are there, tools.setup tells.")
    told = patient.ward.run(shlex.join([*measured.runner, "true"]), name="uv-run", deadline_s=300)
    if told.failure is not None:
        return _complained(f"`{shlex.join(measured.runner)}` does not work inside", told)
    return ok(f"{version} has every package that `{shlex.join(measured.runner)}` needs.")


def setup(patient: Patient) -> Result:
    """The setup prepares a fresh checkout inside, within its deadline."""
    table = patient.study.setup
    if table is None:
        return skipped("The study has no setup.")
    return judge_setup(took_s=patient.ward.ready.setup_s, allowed_s=table.deadline_s)


def judge_setup(*, took_s: float, allowed_s: float) -> Result:
    """Whether a setup that worked is done well before its deadline."""
    told = f"The setup works inside and took {format_duration(took_s)}"
    if took_s > _SHARE_OF_DEADLINE * allowed_s:
        return warning(
            f"{told} of {format_duration(allowed_s)}.", fix="Raise setup.deadline by half."
        )
    return ok(f"{told}.")


def modules(patient: Patient) -> Result:
    """The modules that the measured program imports can be found inside, by its own Python."""
    started = next((it for it in started_by(patient.study.measure.command) if it.python), None)
    script = started.script if started is not None else None
    if started is None or script is None or script not in patient.files:
        return ok("The measured command starts no Python program that can be read.")
    if _INLINE in patient.text(script):
        return ok(f"{script} names its packages itself.")
    if patient.study.setup is not None and patient.wishes.quick:
        return skipped("Modules are there only after the setup, which --quick leaves out.")
    wanted = outside_imports(script, files=patient.files, text=patient.text)
    ward = patient.ward
    checkout = ward.checkout if patient.study.setup is None else ward.ready.checkout
    place = str(checkout.root / PurePosixPath(script).parent)
    line = shlex.join([*started.python, str(PROBES / "modules.py"), place, *wanted])
    told = ward.run(line, name="modules", checkout=checkout)
    if told.failure is not None:
        return _complained(f"`{shlex.join(started.python)}` does not work inside", told)
    found = answer(told, probe="modules")
    which_python = f"Python {found['version']} ({found['python']})"
    if found["missing"]:
        return failed(
            f"{which_python} inside has no module {listed(found['missing'])}.",
            fix="Install it for this Python, let setup.command do it, or start another Python in"
            " measure.command.",
        )
    needed = "the one module" if len(wanted) == 1 else f"all {len(wanted)} modules"
    return ok(f"{which_python} finds {needed} that {script} needs.")


CHECKS = (
    *checks(Group.TOOLS, programs, package_manager),
    *checks(Group.TOOLS, setup, slow=True),
    *checks(Group.TOOLS, modules),
)


def _started(patient: Patient) -> Iterator[tuple[str, Started]]:
    for key, line in patient.commands().items():
        yield from ((key, started) for started in started_by(line))


def _missing_program(name: str, key: str, files: Collection[str]) -> Result:
    own, outside = name.removeprefix("./"), which(name)
    if own in files:
        return failed(
            f"{name}, which {key} names, may not be started as a program.",
            fix=f"Run `git update-index --chmod=+x {own}`, and commit; or name its interpreter.",
        )
    if outside is None:
        other = "python3" if name == "python" and which("python3") else ""
        return failed(
            f"{name}, which {key} names, is not installed.",
            fix=f"Write {other} in {key}." if other else f"Install it, or correct {key}.",
        )
    return failed(
        f"{name}, which {key} names, is {outside}, and cannot be seen inside.",
        fix=f'Add "{Path(outside).resolve().parent}" to sandbox.read.',
    )


def _complained(what: str, told: Told) -> Result:
    complaint = explain(told.text)
    return failed(f"{what}. {complaint.cause}", fix=complaint.fix, details=told.last_lines)
