"""One execution of the measured command in a checkout, told as a `Run`."""

import os
from collections.abc import Mapping
from pathlib import Path

from overnight.brief import one_line
from overnight.config import MeasureTable, SetupTable
from overnight.durations import format_duration
from overnight.measure.metrics import Fault, Reading, read_metrics
from overnight.processes.supervisor import Command, EndedBy, Ending, Limits, Supervisor
from overnight.types import Objective, Outcome, Run
from overnight.untrusted import read_small_file
from overnight.workspace.pool import Checkout

METRICS_FILE = "metrics.json"
_MOST_METRICS_FILE_BYTES = 2**20
_TAIL_BYTES = 8192


class MeasuredCommand:
    """A study's setup and measured command.

    Args:
        objective: Names the metrics that a run must report.
        repository: Where the user's repository is; told to the setup command only.
    """

    def __init__(
        self,
        objective: Objective,
        measure: MeasureTable,
        setup: SetupTable | None,
        *,
        repository: Path,
    ) -> None:
        self._objective = objective
        self._measure = measure
        self._repository = repository
        self.setup = setup

    @property
    def deadline_s(self) -> float:
        """The longest that the measured command may take."""
        return self._measure.deadline_s

    def set_up(self, checkout: Checkout, *, log: Path, processes: Supervisor) -> Run | None:
        """Run the setup command; returns a run that failed, or None when all is well."""
        if self.setup is None:
            return None
        env = {**self._environment(checkout), "OVERNIGHT_REPOSITORY": str(self._repository)}
        command = _shell(self.setup.command, checkout, env)
        ending = self._execute(
            command, log=log, deadline_s=self.setup.deadline_s, processes=processes
        )
        failure = _failure(ending, log, self.setup.deadline_s)
        if failure is None:
            return None
        outcome, reason = failure
        return _run(outcome, f"Setup: {reason}", ending)

    def run(self, checkout: Checkout, *, log: Path, processes: Supervisor) -> Run:
        """Run the measured command once.

        Args:
            log: File for its output.
        """
        env = {**self._environment(checkout), **self._measure.env}
        command = _shell(self._measure.command, checkout, env)
        ending = self._execute(command, log=log, deadline_s=self.deadline_s, processes=processes)
        metrics_file = read_small_file(
            checkout.output_dir / METRICS_FILE, most_bytes=_MOST_METRICS_FILE_BYTES
        )
        reading = read_metrics(log.read_bytes(), metrics_file)
        failure = _failure(ending, log, self._measure.deadline_s) or self._doubt(checkout, reading)
        if failure is not None:
            return _run(*failure, ending, reading.values)
        return _run(Outcome.MEASURED, "", ending, reading.values)

    def _doubt(self, checkout: Checkout, reading: Reading) -> tuple[Outcome, str] | None:
        altered = checkout.altered()
        if altered:
            shown = ", ".join(altered[:5])
            return Outcome.TAMPERED, f"The run changed its own files: {shown}."
        needed = (self._objective.metric, *(c.metric for c in self._objective.constraints))
        for name in needed:
            found = reading.look_up(name)
            if isinstance(found, Fault):
                return Outcome.NO_METRIC, found.explanation
        return None

    def _execute(
        self, command: Command, *, log: Path, deadline_s: float, processes: Supervisor
    ) -> Ending:
        limits = Limits(deadline_s=deadline_s, output_bytes=int(self._measure.output_mb * 2**20))
        return processes.run(command, output=log, limits=limits)

    def _environment(self, checkout: Checkout) -> dict[str, str]:
        return {
            **os.environ,
            "PWD": str(checkout.root),
            "OVERNIGHT_METRICS": str(checkout.output_dir / METRICS_FILE),
            "GIT_CEILING_DIRECTORIES": str(checkout.root.parent),
        }


def _shell(command: str, checkout: Checkout, env: Mapping[str, str]) -> Command:
    return Command(argv=("/bin/sh", "-c", command), cwd=checkout.root, env=env)


def _failure(ending: Ending, log: Path, deadline_s: float) -> tuple[Outcome, str] | None:
    match ending.ended_by:
        case EndedBy.STOP:
            return Outcome.INTERRUPTED, "Stopped on request."
        case EndedBy.NOT_STARTED:
            return Outcome.CRASH, f"It could not be started: {ending.detail}"
        case EndedBy.DEADLINE | EndedBy.SILENCE:
            return Outcome.TIMEOUT, f"Not done after {format_duration(deadline_s)}; killed."
    if ending.code == 0:
        return None
    last = _last_line(log)
    how = f"exit code {ending.code}" if (ending.code or 0) > 0 else f"signal {-(ending.code or 0)}"
    return Outcome.CRASH, f"It ended with {how}: {last}" if last else f"It ended with {how}."


def _run(
    outcome: Outcome, reason: str, ending: Ending, metrics: Mapping[str, float] | None = None
) -> Run:
    return Run(
        outcome=outcome,
        metrics=metrics or {},
        reason=f"{reason} {ending.detail}".strip() if ending.detail not in reason else reason,
        exit_code=ending.code,
        duration_s=ending.duration_s,
        output_bytes=ending.printed_bytes,
    )


def _last_line(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    told = [line for line in lines if line.strip()]
    return one_line(told[-1]) if told else ""
