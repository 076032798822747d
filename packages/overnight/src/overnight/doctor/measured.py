"""Measurements of the baseline, made once and looked at by several checks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from overnight.doctor.asking import last_lines
from overnight.doctor.check import Broken
from overnight.doctor.once import once
from overnight.doctor.ward import Ward
from overnight.measure.commands import Logs
from overnight.measure.metrics import read_metrics
from overnight.types import Outcome, Run
from overnight.workspace.pool import Checkout

_BY_HAND = "Run measure.command by hand in a fresh clone; its last lines are below."
_HOW_TO_MEASURE = {
    Outcome.TIMEOUT: "Raise measure.deadline, or make the run shorter.",
    Outcome.OUT_OF_MEMORY: "Raise sandbox.memory_gb, or make the run smaller.",
    Outcome.TOO_MANY_PROCESSES: "Raise sandbox.processes.",
    Outcome.OUT_OF_DISK: "Raise sandbox.disk_gb, or make room.",
    Outcome.TAMPERED: "Let the run write elsewhere than into its own files, and report once.",
    Outcome.NO_METRIC: "Correct metric.name, or let the program print it.",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement.

    Attributes:
        counts: How often the output reported each name.
        last_lines: The end of the output, safe to show.
    """

    run: Run
    counts: Mapping[str, int]
    last_lines: tuple[str, ...]


class Measured:
    """Measures the baseline as a night does, with setup, command and scorer."""

    def __init__(self, ward: Ward) -> None:
        self._ward = ward
        self._runs = 0

    @once
    def first(self) -> Sample:
        """The first measurement.

        Raises:
            DeviceMissing: The GPU that a night would have is not to be had.
            Broken: The setup failed, or nothing was measured.
        """
        _ = self._ward.gpu
        sample = self._measure(self._ward.ready.checkout)
        run = sample.run
        if run.outcome is Outcome.MEASURED:
            return sample
        raise Broken(
            f"The baseline cannot be measured: {run.reason}",
            fix=_HOW_TO_MEASURE.get(run.outcome, _BY_HAND),
            details=sample.last_lines,
        )

    def more(self, count: int) -> Iterator[Sample]:
        """Further measurements of the same commit, each in a pristine checkout."""
        for _ in range(count):
            yield self._measure(self._ward.prepared())

    def hold_out(self) -> Run:
        """The hold-out's score of the first measurement's checkout."""
        _ = self.first
        ward, logs = self._ward, Logs(self._ward.logs, "holdout-")
        return ward.measuring.hold_out(ward.ready.checkout, ward.workspaces, logs=logs)

    def _measure(self, checkout: Checkout) -> Sample:
        ward = self._ward
        self._runs += 1
        logs = Logs(ward.logs, f"baseline-{self._runs}-")
        run = ward.measuring.measure(checkout, ward.workspaces, logs=logs)
        output = logs.file("output")
        shown = logs.file("score") if run.reason.startswith("Score: ") else output
        counts = read_metrics(output.read_bytes()).counts
        return Sample(run, counts, last_lines(shown))
