"""Ledgers of nights that never were: to test what reads a ledger, without git or a program.

Everything goes through the ledger's own methods, so nothing is written that a real night could
not have written::

    night = NightWriter(tmp_path / ".overnight" / "ledger.db")
    night.baseline(1.0)
    night.trial("a wider model", Verdict.KEEP, value=0.9)
    night.trial("no normalisation", Verdict.CRASH, reason="It ended with exit code 1.")
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from overnight.ledger.records import Attempt
from overnight.ledger.store import Ledger, create_ledger
from overnight.types import (
    CheckpointKind,
    DiffStat,
    Draft,
    Goal,
    Judgement,
    Objective,
    Outcome,
    Run,
    State,
    Usage,
    Verdict,
)

PROPOSE_S, MEASURE_S = 30.0, 240.0
SIZE = DiffStat(added=3, removed=1)
USAGE = Usage(
    input_tokens=50_000,
    cached_input_tokens=40_000,
    output_tokens=2_000,
    reasoning_tokens=500,
    cost_usd=0.04,
)
_OUTCOMES = {
    Verdict.KEEP: Outcome.MEASURED,
    Verdict.DISCARD: Outcome.MEASURED,
    Verdict.VIOLATION: Outcome.MEASURED,
    Verdict.CRASH: Outcome.CRASH,
    Verdict.TIMEOUT: Outcome.TIMEOUT,
    Verdict.OUT_OF_MEMORY: Outcome.OUT_OF_MEMORY,
    Verdict.TOO_MANY_PROCESSES: Outcome.TOO_MANY_PROCESSES,
    Verdict.OUT_OF_DISK: Outcome.OUT_OF_DISK,
    Verdict.NO_METRIC: Outcome.NO_METRIC,
    Verdict.TAMPERED: Outcome.TAMPERED,
}


class NightWriter:
    """Records a night, trial by trial.

    Args:
        path: The ledger to make.
        wait: Called with the seconds that each call of the researcher and each run lasts.
        usage: What each call of the researcher uses.
    """

    def __init__(
        self,
        path: Path,
        *,
        name: str = "tiny",
        metric: str = "val_loss",
        goal: Goal = Goal.MINIMIZE,
        wait: Callable[[float], None] = lambda _seconds: None,
        usage: Usage = USAGE,
        baseline_commit: str = "0" * 40,
    ) -> None:
        create_ledger(
            path, name=name, objective=Objective(metric, goal), baseline_commit=baseline_commit
        )
        self.ledger = Ledger(path)
        self.night, self.session = self.ledger.begin_session()
        self._wait = wait
        self._usage = usage
        self._incumbent = baseline_commit

    def baseline(self, value: float, **metrics: float) -> int:
        """Measure the unmodified start."""
        return self._measured("baseline", Verdict.KEEP, value=value, metrics=metrics)

    def trial(
        self,
        title: str,
        verdict: Verdict,
        *,
        value: float | None = None,
        metrics: Mapping[str, float] | None = None,
        reason: str = "",
        commit: str | None = None,
        rationale: str = "It should help.",
    ) -> int:
        """Take a trial to a verdict.

        Args:
            metrics: What the run reports besides the objective.
            commit: The candidate; made up where it is not given.

        Returns:
            Its number.
        """
        if verdict in _OUTCOMES:
            return self._measured(
                title,
                verdict,
                value=value,
                metrics=metrics or {},
                reason=reason,
                commit=commit,
                rationale=rationale,
            )
        number = self.propose(title, commit=commit, rationale=rationale)
        self.ledger.close_trial(number, Judgement(verdict, reason or f"{verdict}."))
        return number

    def propose(
        self, title: str, *, commit: str | None = None, rationale: str = "It should help."
    ) -> int:
        """Begin a trial and leave it in state proposing, with its proposal."""
        opened = self.ledger.open_trial(
            night=self.night, parent_commit=self._incumbent, researcher="codex", model="gpt"
        )
        number = opened.number
        if number > 0:
            began = datetime.now(UTC)
            self._wait(PROPOSE_S)
            call = Attempt("proposal", "", began, PROPOSE_S, self._usage)
            self.ledger.record_attempt(number, call)
        self.ledger.record_proposal(
            number,
            Draft(title, rationale, details={"number": number}),
            commit=commit or (_object_id(number) if number else self._incumbent),
            tree=_object_id(number),
        )
        return number

    def demote(self, culprit: int, *, reason: str = "It does not hold.") -> list[int]:
        """Take back a keep and what is built on it, as a checkpoint does; returns what fell."""
        latest = self.ledger.latest(1)[0].number
        checkpoint = self.ledger.begin_checkpoint(
            CheckpointKind.PERIODIC,
            night=self.night,
            after_trial=latest,
            incumbent=self.ledger.kept()[-1].number,
        )
        fallen = self.ledger.intend_demotion(
            checkpoint, culprit=culprit, branch_from=self._incumbent, reason=reason, facts={}
        )
        self.ledger.finish_demotion(checkpoint)
        self._incumbent = self.ledger.kept()[-1].commit or ""
        return fallen

    def end(self, reason: str | None = None, *, active_s: float = 0.0) -> None:
        """Close the session, and the night when a reason is given."""
        self.ledger.end_session(self.session, active_s=active_s, end_night=reason)
        self.ledger.close()

    def _measured(
        self,
        title: str,
        verdict: Verdict,
        *,
        value: float | None,
        metrics: Mapping[str, float],
        reason: str = "",
        commit: str | None = None,
        rationale: str = "It should help.",
    ) -> int:
        ledger, number = self.ledger, self.propose(title, commit=commit, rationale=rationale)
        run_id = ledger.begin_run(number, from_state=State.PROPOSING)
        self._wait(MEASURE_S)
        told = {} if value is None else {ledger.study.metric: value}
        run = Run(
            outcome=_OUTCOMES[verdict],
            metrics={**told, **metrics},
            reason=reason,
            exit_code=1 if verdict is Verdict.CRASH else 0,
            duration_s=MEASURE_S,
        )
        ledger.end_run(run_id, run)
        judgement = Judgement(verdict, reason or f"{verdict}.")
        if verdict is not Verdict.KEEP:
            ledger.close_trial(number, judgement, value=value, size=SIZE)
        elif value is None:
            raise ValueError("a kept trial has a value")
        else:
            ledger.intend_keep(number, judgement, value=value, size=SIZE)
            ledger.finish_keep(number)
            self._incumbent = ledger.trial(number).commit or ""
        return number


def _object_id(number: int) -> str:
    return f"{number:040x}"
