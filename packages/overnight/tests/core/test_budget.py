"""What a night may use, what it has used, and what is left."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.budget import add_trial, left, used_up
from overnight.config import BudgetTable
from overnight.ledger.records import Attempt, Spent, TrialRecord
from overnight.types import State, Usage, Verdict

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIMITED = BudgetTable(trials=10, hours=2.0, device_hours=1.0, agent_tokens=5000, money_usd=1.5)
SPENT = st.builds(
    Spent,
    trials=st.integers(0, 20),
    active_s=st.floats(0.0, 1e5),
    device_s=st.floats(0.0, 1e5),
    agent_tokens=st.integers(0, 10_000),
    money_usd=st.floats(0.0, 3.0),
)


def trial(verdict: Verdict, *, number: int = 1) -> TrialRecord:
    return TrialRecord(
        number=number,
        night=1,
        state=State.DONE,
        verdict=verdict,
        reason="",
        researcher="scripted",
        model=None,
        parent_commit="a" * 40,
        commit=None,
        tree=None,
        title="",
        rationale="",
        details={},
        lines_added=None,
        lines_removed=None,
        value=None,
        created_at=NOW,
        proposed_at=None,
        finished_at=NOW,
    )


def attempts(usages: Iterable[Usage]) -> list[Attempt]:
    return [Attempt("proposal", "", NOW, 1.0, usage) for usage in usages]


@pytest.mark.parametrize(
    ("spent", "sentence"),
    [
        (Spent(), None),
        (Spent(trials=9, active_s=7199.0, agent_tokens=4999, money_usd=1.49), None),
        (Spent(trials=10), "The budget of 10 trials is used up."),
        (Spent(active_s=7200.0), "The budget of 2h 00m is used up."),
        (Spent(device_s=3600.0), "The budget of 1h 00m of measuring is used up."),
        (Spent(agent_tokens=5000), "The budget of 5,000 agent tokens is used up."),
        (Spent(money_usd=1.5), "The budget of $1.50 is used up."),
    ],
)
def test_a_limit_ends_the_night_when_it_is_reached(spent: Spent, sentence: str | None) -> None:
    assert used_up(LIMITED, spent) == sentence


@given(SPENT)
def test_without_limits_a_night_goes_on(spent: Spent) -> None:
    assert used_up(BudgetTable(), spent) is None
    assert left(BudgetTable(), spent) == ""


@given(SPENT)
def test_what_is_left_is_told_for_each_limit_and_is_never_negative(spent: Spent) -> None:
    assert "-" not in left(LIMITED, spent)
    assert len(left(LIMITED, spent).split(", ")) == 5


def test_what_is_left() -> None:
    spent = Spent(trials=3, active_s=3600.0, device_s=1800.0, agent_tokens=1500, money_usd=0.25)
    assert left(LIMITED, spent) == "7 trials, 1h 00m, 30m 00s of measuring, 3,500 tokens, $1.25"


@pytest.mark.parametrize("verdict", Verdict)
def test_an_interrupted_trial_says_nothing_of_an_idea_and_does_not_count(verdict: Verdict) -> None:
    counted = add_trial(Spent(trials=4), trial(verdict), [], device_s=9.0).trials
    assert counted == (4 if verdict is Verdict.INTERRUPTED else 5)


def test_the_baseline_does_not_count() -> None:
    assert add_trial(Spent(), trial(Verdict.KEEP, number=0), [], device_s=9.0) == Spent()


def test_every_call_is_paid_for_even_those_of_an_interrupted_trial() -> None:
    calls = attempts([Usage(100, 50, 10, 5, 0.5), Usage(7, None, 3, None, None), Usage()])
    spent = add_trial(
        Spent(agent_tokens=1, money_usd=1.0), trial(Verdict.INTERRUPTED), calls, device_s=2.0
    )
    assert spent == Spent(device_s=2.0, agent_tokens=121, money_usd=1.5, unpriced_calls=1)


@given(SPENT, st.lists(st.builds(Usage, st.integers(0, 99), cost_usd=st.just(0.5))))
def test_time_is_left_to_the_caller(spent: Spent, usages: list[Usage]) -> None:
    after = add_trial(spent, trial(Verdict.DISCARD), attempts(usages), device_s=1.0)
    assert after.active_s == spent.active_s
    assert replace(after, trials=spent.trials).agent_tokens >= spent.agent_tokens
