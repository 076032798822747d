"""Everything that is known of one trial."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from overnight.errors import OvernightError
from overnight.layout import Layout
from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import (
    Attempt,
    DriftRecord,
    RunRecord,
    StudyRecord,
    TrialRecord,
)
from overnight.report.patches import patch_of
from overnight.report.rows import TrialRow, trial_rows
from overnight.report.text import tail
from overnight.types import Constraint

OUTPUT_FILE = "output.log"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of a trial beside the incumbent of that moment.

    Attributes:
        runs: Its value in each run; None where the run did not report it.
        constraints: The bounds that it must satisfy.
    """

    metric: str
    incumbent: float | None
    runs: Sequence[float | None]
    constraints: Sequence[Constraint]

    def holds(self, constraint: Constraint) -> bool | None:
        """Whether the last run satisfies a bound; None where it did not report the metric."""
        value = self.runs[-1] if self.runs else None
        return None if value is None else constraint.holds(value)


@dataclass(frozen=True, slots=True)
class Dossier:
    """One trial with all that belongs to it.

    Attributes:
        incumbent: The trial that it had to beat; None for the baseline.
        again: Its runs at checkpoints and audits.
        directory: Its brief, patch, logs and the agent's events.
    """

    study: StudyRecord
    trial: TrialRecord
    row: TrialRow
    incumbent: TrialRecord | None
    comparisons: Sequence[Comparison]
    runs: Sequence[RunRecord]
    again: Sequence[RunRecord]
    drift: DriftRecord | None
    attempts: Sequence[Attempt]
    directory: Path

    def facts(self) -> Mapping[str, object]:
        """The trial for scripts; the keys are stable."""
        return {
            **self.row,
            "comparisons": [
                {
                    "metric": comparison.metric,
                    "incumbent": comparison.incumbent,
                    "runs": comparison.runs,
                    "constraints": {str(c): comparison.holds(c) for c in comparison.constraints},
                }
                for comparison in self.comparisons
            ],
            "all_runs": [asdict(run) for run in self.runs],
            "again": [asdict(run) for run in self.again],
            "drift": None if self.drift is None else asdict(self.drift),
            "all_attempts": [asdict(attempt) for attempt in self.attempts],
            "directory": str(self.directory),
            "files": [str(file) for file in self.files()],
        }

    def files(self) -> list[Path]:
        """What lies in the trial's directory."""
        return sorted(self.directory.iterdir()) if self.directory.is_dir() else []

    def output_tail(self, lines: int) -> list[str]:
        """The last lines that the measured command printed, safe to print."""
        return tail(self.directory / OUTPUT_FILE, lines=lines)

    def patch(self, layout: Layout) -> bytes | OvernightError:
        """The trial's patch, or why there is none."""
        try:
            return patch_of(self.trial, self.study, layout)
        except OvernightError as error:
            return error


def dossier_of(
    reader: LedgerReader, number: int, *, layout: Layout, constraints: Sequence[Constraint]
) -> Dossier:
    """Gather what is known of a trial.

    Raises:
        LedgerError: There is none of that number.
    """
    trial = reader.trial(number)
    runs = reader.runs(number)
    row = trial_rows(reader, [trial])[0]
    incumbent = None if row["incumbent"] is None else reader.trial(row["incumbent"])
    told = reader.runs(incumbent.number) if incumbent is not None else []
    beaten = told[-1].metrics if told else {}
    names = {reader.study.metric: None}
    names |= dict.fromkeys(constraint.metric for constraint in constraints)
    names |= dict.fromkeys(name for run in runs for name in sorted(run.metrics))
    return Dossier(
        study=reader.study,
        trial=trial,
        row=row,
        incumbent=incumbent,
        comparisons=[
            Comparison(
                name,
                beaten.get(name),
                [run.metrics.get(name) for run in runs],
                [constraint for constraint in constraints if constraint.metric == name],
            )
            for name in names
        ],
        runs=runs,
        again=[run for run in reader.runs_again() if run.trial == number],
        drift=next((seen for seen in reader.drift(after=number - 1) if seen.trial == number), None),
        attempts=reader.attempts(number),
        directory=layout.trial(number),
    )
