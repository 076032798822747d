"""What of a night is told to people who are not watching it."""

from overnight.config import Study
from overnight.drift.responses import Action, Response
from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import CheckpointRecord, Spent, TrialRecord
from overnight.notices import CheckpointResult, DriftResponse, Failing, Finished, NewBest, Paused
from overnight.notify import Notifier
from overnight.progress import Watcher
from overnight.trouble import Trouble
from overnight.types import Validation, Verdict

RESPONSES = {
    Action.RE_ANCHOR: "The next brief says the objective once more.",
    Action.CLEAN_CONTEXT: "Notes and history are dropped; the next proposal starts clean.",
    Action.ROLL_BACK: "Back to the last validated checkpoint.",
    Action.PAUSE: "The night is paused.",
}


class Newsroom:
    """Turns what happens into messages, and sends them where the study says.

    Raises:
        StudyFileError: A URL of the study file cannot be used.
    """

    def __init__(self, study: Study, ledger: LedgerReader, watcher: Watcher) -> None:
        self._metric = study.objective.metric
        self._ledger = ledger
        self._watcher = watcher
        self._notifier = Notifier(study.notify.urls, study.notify.news, study=study.name)

    def new_best(self, trial: TrialRecord) -> None:
        """A trial was kept."""
        baseline = self._ledger.trial(0).value
        if trial.value is None or trial.to_beat is None or baseline is None:
            return
        notice = NewBest(
            trial.number,
            trial.title,
            self._metric,
            old=trial.to_beat,
            new=trial.value,
            baseline=baseline,
        )
        self._notifier.tell(notice)
        self._complain()

    def checkpoint(self, checkpoint: CheckpointRecord) -> None:
        """The incumbent was measured again."""
        validated = checkpoint.outcome is Validation.VALIDATED
        self._notifier.tell(CheckpointResult(checkpoint.incumbent, validated, checkpoint.reason))
        self._complain()

    def drift(self, response: Response) -> None:
        """The night has left its objective, and something is done about it."""
        told = RESPONSES[response.action]
        self._watcher.say(f"Drift after trial {response.trial}: {response.reasons[0]} {told}")
        self._notifier.tell(DriftResponse(response.trial, response.reasons, told))
        self._complain()

    def paused(self, reason: str, where: str) -> None:
        """The night holds still."""
        self._notifier.tell(Paused(reason, where))

    def failing(self, trouble: Trouble) -> None:
        """One attempt after the other comes to nothing."""
        self._notifier.tell(Failing(trouble.times, trouble.what, trouble.reason))

    def close(self, reason: str | None, *, finished: bool, spent: Spent) -> None:
        """The session is over; waits a little until everything is delivered."""
        kept = self._ledger.kept()
        counts = self._ledger.verdict_counts()
        self._notifier.tell(
            Finished(
                reason=reason or "It ended with an error.",
                complete=finished,
                metric=self._metric,
                baseline=kept[0].value if kept else None,
                best=kept[-1].value if kept else None,
                kept=counts.get(Verdict.KEEP, 0),
                trials=sum(counts.values()) - counts.get(Verdict.INTERRUPTED, 0),
                active_s=spent.active_s,
                cost_usd=spent.money_usd,
            )
        )
        for complaint in self._notifier.close():
            self._watcher.say(complaint)

    def _complain(self) -> None:
        for complaint in self._notifier.drain_complaints():
            self._watcher.say(complaint)
