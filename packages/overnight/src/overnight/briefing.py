"""Gathering what a brief says: the ledger is read once, later trials are remembered."""

from collections import deque

from overnight.brief import BEST, DEAD_ENDS, LATEST, BriefFacts, Guidance, write_brief
from overnight.config import Study
from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import TrialRecord
from overnight.types import EventKind, PastTrial, Verdict


class Briefing:
    """The part of a study's history that briefs tell; bounded however long the history is.

    Attributes:
        guidance: What the next brief says beside the record.
    """

    def __init__(self, study: Study, ledger: LedgerReader) -> None:
        self.guidance = Guidance()
        self._study = study
        self._ledger = ledger
        self.refresh()

    def refresh(self) -> None:
        """Read the history anew, after a checkpoint or an order has changed it."""
        ledger = self._ledger
        self._finished: deque[PastTrial] = deque(maxlen=LATEST + DEAD_ENDS)
        self._kept: deque[PastTrial] = deque(maxlen=BEST)
        self._baseline: PastTrial | None = None
        forgotten = ledger.events(EventKind.FORGOTTEN)
        known_from = (forgotten[-1].trial or 0) if forgotten else 0
        finished = ledger.latest(LATEST + DEAD_ENDS)
        kept = ledger.kept()[-BEST:]
        self._finished.extend(
            trial.past() for trial in reversed(finished) if trial.number >= known_from
        )
        self._kept.extend(
            trial.past() for trial in kept if trial.number >= known_from or trial is kept[-1]
        )
        if kept:
            self._baseline = ledger.trial(0).past()

    def remember(self, trial: TrialRecord) -> None:
        """Take note of a trial that was just finished."""
        past = trial.past()
        self._finished.append(past)
        if past.verdict is Verdict.KEEP:
            self._kept.append(past)
            self._baseline = past if trial.is_baseline else self._baseline

    def write(self, trial: TrialRecord) -> str:
        """The brief of a trial that is about to be proposed; the baseline has been measured."""
        study = self._study
        if self._baseline is None:
            raise ValueError("there is nothing to improve on before the baseline is measured")
        finished = list(self._finished)
        earlier, latest = finished[:-LATEST], finished[-LATEST:]
        facts = BriefFacts(
            trial=trial.number,
            program=study.program_text(),
            objective=study.objective,
            editable=study.editable.patterns,
            protected=study.protected.patterns,
            measure_command=study.measure.command,
            measure_deadline_s=study.measure.deadline_s,
            baseline=self._baseline,
            incumbent=self._kept[-1],
            kept=tuple(self._kept),
            latest=latest,
            dead_ends=[past for past in reversed(earlier) if past.verdict is not Verdict.KEEP],
            trials_so_far=trial.number - 1,
            guidance=self.guidance,
        )
        return write_brief(facts)
