"""Telling a night in which something is broken from one that merely finds nothing."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from overnight.config import WatchTable
from overnight.errors import (
    AgentMisconfigured,
    AgentMissing,
    AuthenticationFailed,
    OvernightError,
    QuotaExhausted,
    RequestRejected,
    ResearcherError,
)
from overnight.ledger.records import TrialRecord
from overnight.types import Verdict

_HOPELESS = (
    AgentMissing,
    AgentMisconfigured,
    AuthenticationFailed,
    QuotaExhausted,
    RequestRejected,
)
_MEASURED = frozenset({Verdict.KEEP, Verdict.DISCARD, Verdict.VIOLATION})
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why going on would only cost.

    Attributes:
        times: How often in a row it was seen.
        what: What that was, in a few words.
        error: What is raised where the night does not pause.
    """

    reason: str
    times: int
    what: str
    error: OvernightError


class Troubles:
    """Counts failures in a row.

    Args:
        place: A directory on the disk that nights write to.
    """

    def __init__(self, table: WatchTable, place: Path) -> None:
        self._table = table
        self._place = place
        self._failures = 0
        self._unmeasured = 0

    def before_trial(self) -> Trouble | None:
        """Whether the disk has room for another trial."""
        free_gb = shutil.disk_usage(self._place).free / _GIB
        if free_gb >= self._table.least_disk_gb:
            return None
        error = OvernightError(
            f"Only {free_gb:.2f} GiB are free on the disk of {self._place}.",
            fix="Make room, or lower watch.least_disk_gb.",
        )
        return Trouble(str(error), 1, "looks at a full disk", error)

    def after_trial(self, trial: TrialRecord) -> Trouble | None:
        """Whether trial after trial ends without a measurement."""
        self._failures = 0
        self._unmeasured = 0 if trial.verdict in _MEASURED else self._unmeasured + 1
        if self._unmeasured < self._table.unmeasured:
            return None
        times, self._unmeasured = self._unmeasured, 0
        error = OvernightError(
            f"{times} trials in a row came to no measurement; the last: {trial.verdict},"
            f" {trial.reason}",
            fix="Look at `overnight log`, and run `overnight doctor`.",
        )
        return Trouble(str(error), times, "trials without a measurement", error)

    def after_failure(self, error: ResearcherError) -> Trouble | None:
        """Whether the researcher will fail again."""
        self._failures += 1
        if not isinstance(error, _HOPELESS) and self._failures < self._table.agent_failures:
            return None
        times, self._failures = self._failures, 0
        return Trouble(str(error), times, "failures of the agent", error)

    @staticmethod
    def of_machine(error: OvernightError) -> Trouble:
        """Something of the machine or the study failed under a trial."""
        return Trouble(str(error), 1, "failures of the machine", error)
