"""Every path that a trial can take, and the refusal of every other: a model beside the store."""

import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from overnight.errors import LedgerError
from overnight.ledger.store import Ledger, create_ledger
from overnight.types import (
    DiffStat,
    Draft,
    Goal,
    Judgement,
    Objective,
    Outcome,
    Run,
    State,
    Verdict,
)

SIZE = DiffStat(added=1, removed=1)
ENDED = Run(Outcome.MEASURED, {"loss": 1.0}, "", exit_code=0, duration_s=0.1)
TRIALS = st.integers(0, 4)  # often one that does not exist yet
OTHERS = [verdict for verdict in Verdict if verdict is not Verdict.KEEP]


@dataclass
class Expected:
    """What the store should say of a trial."""

    state: State = State.PROPOSING
    verdict: Verdict | None = None
    proposed: bool = False


class Transitions(RuleBasedStateMachine):
    """Calls the store in any order; what the model does not allow must change nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name) / "ledger.db"
        self.trials: list[Expected] = []
        self.runs: list[Outcome | None] = []

    @initialize()
    def make(self) -> None:
        objective = Objective("loss", Goal.MINIMIZE)
        create_ledger(self.path, name="tiny", objective=objective, baseline_commit="a")
        self.ledger = Ledger(self.path)
        self.night, _ = self.ledger.begin_session()

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.close()
        self.directory.cleanup()

    @rule()
    @precondition(lambda self: len(self.trials) < 4)
    def open_trial(self) -> None:
        trial = self.ledger.open_trial(
            night=self.night, parent_commit="a", researcher="scripted", model=None
        )
        assert trial == self.ledger.trial(trial.number)
        assert trial.number == len(self.trials)
        self.trials.append(Expected())

    @rule(number=TRIALS)
    def record_proposal(self, number: int) -> None:
        def record() -> None:
            self.ledger.record_proposal(number, Draft("an idea"), commit="c", tree="t")

        trial = self.open_in(number, State.PROPOSING)
        if self.allowed(record, trial is not None and not trial.proposed) and trial:
            trial.proposed = True

    @rule(number=TRIALS, from_state=st.sampled_from(State))
    def begin_run(self, number: int, from_state: State) -> None:
        def begin() -> None:
            assert self.ledger.begin_run(number, from_state=from_state) == len(self.runs) + 1

        trial = self.open_in(number, from_state)
        if self.allowed(begin, trial is not None and trial.proposed) and trial:
            trial.state = State.MEASURING
            self.runs.append(None)

    @rule(run=st.integers(1, 4))
    def end_run(self, run: int) -> None:
        under_way = run <= len(self.runs) and self.runs[run - 1] is None
        if self.allowed(lambda: self.ledger.end_run(run, ENDED), under_way):
            self.runs[run - 1] = ENDED.outcome

    @rule(number=TRIALS, verdict=st.sampled_from(Verdict))
    def close_trial(self, number: int, verdict: Verdict) -> None:
        def close() -> None:
            self.ledger.close_trial(number, Judgement(verdict, "So it is."), size=SIZE)

        trial = self.open_in(number, State.PROPOSING, State.MEASURING)
        if self.allowed(close, trial is not None and verdict is not Verdict.KEEP) and trial:
            trial.state, trial.verdict = State.DONE, verdict

    @rule(number=TRIALS, verdict=st.just(Verdict.KEEP) | st.sampled_from(Verdict))
    def intend_keep(self, number: int, verdict: Verdict) -> None:
        def intend() -> None:
            judgement = Judgement(verdict, "Better.")
            self.ledger.intend_keep(number, judgement, value=0.5, size=SIZE)

        trial = self.open_in(number, State.MEASURING)
        if self.allowed(intend, trial is not None and verdict is Verdict.KEEP) and trial:
            trial.verdict = Verdict.KEEP

    @rule(number=TRIALS)
    def finish_keep(self, number: int) -> None:
        trial = self.trials[number] if number < len(self.trials) else None
        intended = trial == Expected(State.MEASURING, Verdict.KEEP, proposed=True)
        if self.allowed(lambda: self.ledger.finish_keep(number), intended) and trial:
            trial.state = State.DONE

    @rule()
    def reopen(self) -> None:
        before = self.everything()
        self.ledger.close()
        self.ledger = Ledger(self.path)
        assert self.everything() == before

    @invariant()
    def store_and_model_agree(self) -> None:
        if not hasattr(self, "ledger"):
            return
        found = [
            Expected(trial.state, trial.verdict, trial.commit is not None)
            for trial in self.ledger.trials()
        ]
        assert found == self.trials
        outcomes = {run.id: run.outcome for run in self.ledger.all_runs()}
        assert outcomes == dict(enumerate(self.runs, start=1))
        for trial in self.ledger.trials():
            assert (trial.finished_at is not None) == (trial.state is State.DONE)

    def open_in(self, number: int, *states: State) -> Expected | None:
        if number >= len(self.trials):
            return None
        trial = self.trials[number]
        return trial if trial.verdict is None and trial.state in states else None

    def allowed(self, write: Any, legal: bool) -> bool:
        """Do it if it is legal; else see that it is refused and changes nothing."""
        if legal:
            write()
            return True
        before = self.everything()
        with pytest.raises(LedgerError):
            write()
        assert self.everything() == before
        return False

    def everything(self) -> object:
        ledger = self.ledger
        return ledger.study, ledger.trials(), list(ledger.all_runs()), ledger.nights()


TestTransitions = Transitions.TestCase
TestTransitions.settings = settings(max_examples=10, stateful_step_count=25)


def a_trial(ledger: Ledger) -> int:
    trial = ledger.open_trial(night=1, parent_commit="a", researcher="scripted", model=None)
    return trial.number


@pytest.mark.parametrize("verdict", OTHERS)
@pytest.mark.parametrize("measuring", [False, True], ids=["proposing", "measuring"])
def test_a_trial_ends_with_any_verdict_but_keep_from_any_state(
    ledger: Ledger, verdict: Verdict, measuring: bool
) -> None:
    number = a_trial(ledger)
    if measuring:
        ledger.record_proposal(number, Draft("an idea"), commit="c", tree="t")
        ledger.end_run(ledger.begin_run(number, from_state=State.PROPOSING), ENDED)
    ledger.close_trial(number, Judgement(verdict, "So it is."), value=2.0)
    trial = ledger.trial(number)
    assert (trial.state, trial.verdict, trial.value) == (State.DONE, verdict, 2.0)


def test_a_keep_stands_as_an_intent_until_the_branch_has_moved(ledger: Ledger, path: Path) -> None:
    number = a_trial(ledger)
    ledger.record_proposal(number, Draft("an idea"), commit="c", tree="t")
    ledger.begin_run(number, from_state=State.PROPOSING)
    ledger.intend_keep(number, Judgement(Verdict.KEEP, "Better."), value=0.5, size=SIZE)
    with closing(Ledger(path)) as after_a_crash:
        (trial,) = after_a_crash.unfinished()
        assert (trial.state, trial.verdict) == (State.MEASURING, Verdict.KEEP)
        with pytest.raises(LedgerError, match="it is measuring with a proposal, verdict keep"):
            after_a_crash.close_trial(number, Judgement(Verdict.DISCARD, "Changed my mind."))
        after_a_crash.finish_keep(number)
    assert ledger.unfinished() == []
    assert ledger.incumbent() == ledger.trial(number)


def test_a_trial_that_was_cut_off_is_measured_again(ledger: Ledger) -> None:
    number = a_trial(ledger)
    ledger.record_proposal(number, Draft("an idea"), commit="c", tree="t")
    ledger.begin_run(number, from_state=State.PROPOSING)
    ledger.abandon_runs(number, reason="Cut off.")
    ledger.end_run(ledger.begin_run(number, from_state=State.MEASURING), ENDED)
    ledger.abandon_runs(number, reason="Not this one.")
    first, second = ledger.runs(number)
    assert (first.ordinal, first.outcome, first.reason) == (1, Outcome.INTERRUPTED, "Cut off.")
    assert (second.ordinal, second.outcome, second.metrics) == (2, ENDED.outcome, ENDED.metrics)
