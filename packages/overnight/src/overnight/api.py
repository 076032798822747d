"""Reading a study from Python, also while its night runs."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from overnight.errors import OvernightError
from overnight.layout import STATE_DIR, Layout
from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import Attempt, RunRecord, StudyRecord, TrialRecord
from overnight.report.frames import trial_frame
from overnight.report.progress import write_progress
from overnight.types import Objective

if TYPE_CHECKING:
    import pandas as pd

_STUDY_FILE = "overnight.toml"


def find_study(path: Path | str = ".") -> Layout:
    """Find the study that a path belongs to, looking upwards.

    Args:
        path: A study file, or any directory at or below the one that holds it.

    Raises:
        OvernightError: There is none.
    """
    start = Path(path).absolute()
    for directory in (start, *start.parents):
        if (directory / _STUDY_FILE).is_file() or (directory / STATE_DIR).is_dir():
            return Layout(directory)
    raise OvernightError(
        f"There is no study in {start} or above it.",
        fix="Name its directory with --study, or make one with `overnight init`.",
    )


def open_study(path: Path | str = ".") -> "StudyView":
    """Open a study for reading.

    Nothing is ever written, so this is safe beside a running night; each question is answered
    as things stand at that moment.

    Args:
        path: A study file, or any directory at or below the one that holds it.

    Raises:
        OvernightError: There is no study, or it has no readable ledger yet.

    Example:
        >>> with overnight.open_study("~/nanochat") as study:  # doctest: +SKIP
        ...     print(study.incumbent.value, len(study))
        ...     frame = study.to_frame()
        ...     study.plot("progress.svg")
    """
    return StudyView(find_study(Path(path).expanduser()))


class StudyView:
    """A study as it is recorded; iterating gives its trials, oldest first.

    Args:
        layout: Where its files are.

    Attributes:
        layout: Where its files are.
        study: What the ledger was made for: name, metric, goal and baseline commit.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._reader = LedgerReader(layout.ledger)
        self.study: StudyRecord = self._reader.study

    @cached_property
    def objective(self) -> Objective:
        """What is optimised, with the constraints that the study file states now.

        Raises:
            StudyFileError: There is a study file that cannot be used.
        """
        file = self.layout.root / _STUDY_FILE
        if not file.exists():
            return Objective(self.study.metric, self.study.goal)
        from overnight.config import load_study  # noqa: PLC0415 (pydantic is slow to import)

        stated = load_study(file).objective
        return Objective(self.study.metric, self.study.goal, stated.constraints)

    @property
    def baseline(self) -> TrialRecord | None:
        """The unmodified start; None until it is measured."""
        kept = self._reader.kept()
        return kept[0] if kept else None

    @property
    def incumbent(self) -> TrialRecord | None:
        """The best kept trial now, which may be the baseline; None until that is measured."""
        return self._reader.incumbent()

    @property
    def trials(self) -> list[TrialRecord]:
        """Every trial, oldest first, the one at hand included."""
        return self._reader.trials()

    def trial(self, number: int) -> TrialRecord:
        """One trial; number 0 is the baseline.

        Raises:
            LedgerError: There is none of that number.
        """
        return self._reader.trial(number)

    def runs(self, trial: int) -> list[RunRecord]:
        """The executions of a trial's measured command, with every metric they reported."""
        return self._reader.runs(trial)

    def attempts(self, trial: int) -> list[Attempt]:
        """The researcher's calls for a trial, with what each used."""
        return self._reader.attempts(trial)

    def to_frame(self) -> "pd.DataFrame":
        """One row per trial; `overnight.report.rows.TrialRow` describes the columns.

        Example:
            >>> frame = study.to_frame()  # doctest: +SKIP
            >>> frame[frame.verdict == "keep"].nlargest(5, "gain")[["title", "gain"]]
        """
        return trial_frame(self._reader)

    def plot(self, path: Path | str) -> Path:
        """Draw the progress picture into a ``.png`` or ``.svg`` file.

        Returns:
            The file.

        Raises:
            OvernightError: The file has another suffix or cannot be written.
        """
        write_progress(self._reader, Path(path))
        return Path(path)

    def close(self) -> None:
        """Release the ledger."""
        self._reader.close()

    def __iter__(self) -> Iterator[TrialRecord]:
        return iter(self.trials)

    def __len__(self) -> int:
        return len(self._reader.trials())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<StudyView {self.study.name} at {self.layout.root}>"
