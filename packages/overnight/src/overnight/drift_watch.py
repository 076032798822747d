"""Watching a night for drift: facts from the record, an assessment, and what to do next."""

from collections import deque
from collections.abc import Sequence

from overnight.bench import Bench
from overnight.drift.facts import FileChange, StudyFacts, TrialFacts
from overnight.drift.responses import Response
from overnight.drift.score import Assessment, assess
from overnight.drift.settings import DriftSettings
from overnight.ledger.records import Attempt, DriftRecord, TrialRecord


class DriftWatch:
    """placeholder"""

    def __init__(self, bench: Bench, *, night: int) -> None:
        self.reminder: Sequence[str] = ()
        self.evidence: Sequence[str] = ()

    def look(self, trial: TrialRecord, attempts: Sequence[Attempt]) -> Response | None:
        return None

    def remind(self) -> None:
        pass

    def forget_refuted(self) -> None:
        pass
