"""The ward: sandboxes like a night's, in a directory of the doctor's own, gone afterwards."""

import hashlib
import os
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from overnight.config import Study
from overnight.doctor.asking import Told, answer, last_lines, probe_line, told_by
from overnight.doctor.check import Broken
from overnight.doctor.once import once
from overnight.doctor.packages import explain
from overnight.errors import DeviceMissing, OvernightError
from overnight.layout import leases_directory, work_directory
from overnight.measure.commands import Logs, StudyCommands
from overnight.measure.measuring import Measuring
from overnight.measure.rooms import Rooms
from overnight.processes.leftovers import kill_marked
from overnight.processes.supervisor import StopSignal, Supervisor
from overnight.sandbox.base import Processes, Sandbox
from overnight.sandbox.cgroups import Capped, delegated
from overnight.sandbox.devices import Device, Gpu, lease_gpu
from overnight.sandbox.machine import user_home
from overnight.sandbox.opening import open_sandbox
from overnight.workspace.pool import Checkout, Workspaces
from overnight.workspace.repository import Repository
from overnight.workspace.tree import discard

_NAME = "doctor"
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Ready:
    """A checkout that can be measured.

    Attributes:
        setup_s: How long its setup took.
    """

    checkout: Checkout
    setup_s: float


class Ward:
    """Everything that runs programs; each part is made when it is first needed.

    Args:
        baseline: The commit that is examined.
        environ: The user's environment.
        stack: Gives everything back.
    """

    def __init__(
        self,
        study: Study,
        repository: Repository,
        *,
        baseline: str,
        environ: Mapping[str, str],
        stack: ExitStack,
    ) -> None:
        self.marker = f"{_NAME}-{hashlib.sha256(bytes(study.root)).hexdigest()[:12]}-{os.getpid()}"
        self._study = study
        self._repository = repository
        self._baseline = baseline
        self._environ = environ
        self._stack = stack
        self._runs = 0

    @once
    def work(self) -> Path:
        """The doctor's own directory, beside those of nights."""
        directory = work_directory(self.marker)
        try:
            _clear_away(directory)
            directory.mkdir(parents=True, mode=0o700)
        except OSError as error:
            raise OvernightError(
                f"{directory.parent} cannot be written to: {error.strerror or error}.",
                fix="Set OVERNIGHT_WORK to a directory on a disk of yours.",
            ) from error
        self._stack.callback(discard, directory)
        return directory

    @once
    def logs(self) -> Path:
        """Where the output of commands goes; no sandbox shows it."""
        directory = self.work / "logs"
        directory.mkdir()
        return directory

    @once
    def gpu(self) -> Gpu | None:
        """The leased GPU; None where there is none, or the study wants none."""
        return self._stack.enter_context(lease_gpu(self._study.sandbox.gpu, leases_directory()))

    @once
    def processes(self) -> Processes:
        """What starts commands."""
        supervisor = self._stack.enter_context(Supervisor(StopSignal(), marker=self.marker))
        group = self._stack.enter_context(delegated())
        return supervisor if group is None else Capped(supervisor, group)

    @once
    def sandbox(self) -> Sandbox:
        """The sandbox that the study asks for; without the GPU where that is not to be had."""
        sandbox = open_sandbox(
            self._study,
            processes=self.processes,
            work=self.work,
            scratch=self.work / "sandbox",
            device=Device(self._gpu_or_none()),
        )
        self._stack.callback(sandbox.close)
        return sandbox

    @once
    def workspaces(self) -> Workspaces:
        """Clone and checkouts."""
        workspaces = Workspaces(
            self._repository,
            self.work / "night",
            baseline=self._baseline,
            editable=self._study.editable,
            protected=self._study.protected,
        )
        self._stack.callback(workspaces.close)
        return workspaces

    @once
    def checkout(self) -> Checkout:
        """A checkout of the baseline as it is before its setup."""
        return self.fresh_checkout()

    @once
    def ready(self) -> Ready:
        """A checkout of the baseline after its setup.

        Raises:
            Broken: The setup failed.
        """
        began_s = time.monotonic()
        return Ready(self.prepared(), setup_s=time.monotonic() - began_s)

    @once
    def measuring(self) -> Measuring:
        """What sets up and measures."""
        return Measuring(self._study, self._commands(self._study))

    @once
    def surroundings(self) -> Mapping[str, Any]:
        """What the measured command finds around itself; see the probe of that name."""
        found: Mapping[str, Any] = self.probe("surroundings")
        return found

    def fresh_checkout(self) -> Checkout:
        """A pristine checkout of the baseline; there are two, used in turn."""
        commit = self._baseline
        return self.workspaces.checkout(self._repository.candidate(parent=commit, commit=commit))

    def prepared(self) -> Checkout:
        """A pristine checkout after the study's setup.

        Raises:
            Broken: The setup failed.
        """
        checkout, logs = self.fresh_checkout(), Logs(self.logs, self.prefix("setup"))
        problem = self.measuring.set_up(checkout, logs=logs)
        if problem is None:
            return checkout
        last = last_lines(logs.file("setup"))
        complaint = explain("\n".join(last))
        raise Broken(f"{problem.reason} {complaint.cause}", fix=complaint.fix, details=last)

    def run(
        self,
        line: str,
        *,
        name: str,
        checkout: Checkout | None = None,
        deadline_s: float = _PATIENCE_S,
        measure: Mapping[str, object] | None = None,
        sandbox: Mapping[str, object] | None = None,
    ) -> Told:
        """Run a line of shell exactly as the measured command would be run.

        Args:
            name: Of its log file.
            measure: Keys of ``[measure]`` to change.
            sandbox: Keys of ``[sandbox]`` to change; only limits take effect.
        """
        changed = {"command": line, "deadline_s": deadline_s, "strict": False, **(measure or {})}
        study = _with(self._study, measure=changed, sandbox=sandbox or {})
        logs = Logs(self.logs, self.prefix(name))
        execution, _ = self._commands(study).train(checkout or self.checkout, logs=logs, seed=None)
        return told_by(logs.file("output"), execution.ending, execution.failure)

    def probe(self, name: str, *arguments: str, **how: Any) -> Any:
        """What one of our probes finds where the measured command runs.

        Args:
            how: See `run`.

        Raises:
            SandboxFailed: It could not be run there.
        """
        return answer(self.run(probe_line(name, *arguments), name=name, **how), probe=name)

    def prefix(self, name: str) -> str:
        """What the next log files of a name begin with."""
        self._runs += 1
        return f"{self._runs:02d}-{name}-"

    def _gpu_or_none(self) -> Gpu | None:
        with suppress(DeviceMissing):
            return self.gpu
        return None

    def _commands(self, study: Study) -> StudyCommands:
        return StudyCommands(
            study, self._rooms(study), environ=self._environ, gpu=self._gpu_or_none
        )

    @property
    def rooms(self) -> Rooms:
        """The rooms of the study's commands."""
        return self._rooms(self._study)

    def _rooms(self, study: Study) -> Rooms:
        return Rooms(study, self.sandbox, home=user_home(self._environ))


def _clear_away(directory: Path) -> None:
    """Remove what doctors of this study left that were killed."""
    stem, _, _ = directory.name.rpartition("-")
    for place in directory.parent.glob(f"{stem}-*"):
        pid = place.name.rpartition("-")[2]
        if place == directory or not (pid.isdigit() and psutil.pid_exists(int(pid))):
            kill_marked(place.name)
            discard(place)


def _with(study: Study, **tables: Mapping[str, object]) -> Study:
    """The same study with some keys of its tables changed."""
    changed = {
        name: getattr(study.tables, name).model_copy(update=dict(keys))
        for name, keys in tables.items()
    }
    return Study(study.path, study.tables.model_copy(update=changed))
