"""Making the sandbox that a study file names."""

import os
from pathlib import Path

from overnight.config import Study
from overnight.errors import StudyFileError
from overnight.sandbox.base import Processes, Sandbox
from overnight.sandbox.bubblewrap import Bubblewrap
from overnight.sandbox.devices import Device
from overnight.sandbox.machine import caches, describe_machine, exclusive_files, user_home
from overnight.sandbox.none import Unconfined
from overnight.types import SandboxKind


def open_sandbox(
    study: Study, *, processes: Processes, work: Path, scratch: Path, device: Device
) -> Sandbox:
    """The sandbox of a study.

    Args:
        work: The study's working directory, hidden but for what a command is given.
        scratch: A directory in it that is the sandbox's own.
        device: What its commands have for themselves at first.

    Raises:
        SandboxFailed: It cannot work here; says why and what to do.
        StudyFileError: Files of the scorer or the hold-out are not there.
    """
    exclusive = exclusive_paths(study)
    if study.sandbox.kind is SandboxKind.NONE:
        return Unconfined(processes, device=device)
    machine = describe_machine(
        study.sandbox,
        root=study.root,
        exclusive=exclusive,
        work=work,
        devices=[Path(node) for node in study.sandbox.devices],
        environ=os.environ,
    )
    return Bubblewrap(
        machine,
        processes=processes,
        scratch=scratch,
        caches=caches(study.sandbox, root=study.root, environ=os.environ),
        device=device,
    )


def exclusive_paths(study: Study) -> tuple[Path, ...]:
    """The files that only the scorer or only the hold-out may see.

    Raises:
        StudyFileError: One is not there.
    """
    home = user_home(os.environ)
    found: list[Path] = []
    for name, table in (("score", study.score), ("holdout", study.holdout)):
        for path in exclusive_files(table, root=study.root, home=home):
            if not path.exists():
                raise StudyFileError(
                    f"{study.path.name}: {name}.files names {path}, which does not exist.",
                    fix="Put it there, or correct the path.",
                )
            found.append(path)
    return tuple(found)
