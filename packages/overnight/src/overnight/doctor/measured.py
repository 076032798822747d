"""Measurements of the baseline, made once and looked at by several checks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from overnight.doctor.asking import last_lines
from overnight.doctor.once import once
from overnight.doctor.ward import Ward
from overnight.errors import BaselineFailed
from overnight.measure.commands import Logs
from overnight.measure.metrics import read_metrics
from overnight.types import Outcome, Run
from overnight.workspace.pool import Checkout


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
        """The first measurement, whatever came of it.

        Raises:
            DeviceMissing: The GPU that a night would have is not to be had.
            Broken: The setup failed.
        """
        _ = self._ward.gpu
        return self._measure(self._ward.ready.checkout)

    @once
    def usable(self) -> Sample:
        """The first measurement.

        Raises:
            BaselineFailed: Nothing was measured.
        """
        if self.first.run.outcome is not Outcome.MEASURED:
            raise BaselineFailed("The baseline could not be measured.")
        return self.first

    def more(self, count: int) -> Iterator[Sample]:
        """Further measurements of the same commit, each in a pristine checkout."""
        for _ in range(count):
            yield self._measure(self._ward.prepared())

    def hold_out(self) -> Run:
        """The hold-out's score of the first measurement's checkout."""
        ward = self._ward
        logs = Logs(ward.logs, "holdout-")
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
