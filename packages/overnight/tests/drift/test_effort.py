"""Sessions that grow from trial to trial: told from one long session and from a slow growth."""

from dataclasses import replace
from typing import Any

import pytest

from overnight.drift.facts import TrialFacts

from .trials import honest, look, night, signals


def scaled(trial: TrialFacts, factor: float) -> TrialFacts:
    tokens = None if trial.agent_tokens is None else int(trial.agent_tokens * factor)
    return replace(trial, agent_s=trial.agent_s * factor, agent_tokens=tokens)


def lasting(factors: list[float], **facts: Any) -> list[TrialFacts]:
    """An honest night whose sessions last so many times as long as usual, one after the other."""
    trials = night(*honest(len(factors), **facts))
    return [scaled(each, factor) for each, factor in zip(trials, factors, strict=True)]


def test_growing_sessions_are_told_by_time_and_tokens() -> None:
    trials = lasting([1.0] * 14 + [4.0] * 6)
    seen = signals(trials)["effort"]
    assert seen.sentence == (
        "6 of the last 6 proposals took 4.0 times as long and 4.0 times the tokens of those before"
    )
    assert look(trials).drifting


def test_tokens_that_nobody_counts_are_left_out_of_the_sentence() -> None:
    trials = lasting([1.0] * 14 + [4.0] * 6, agent_tokens=None)
    assert signals(trials)["effort"].sentence.endswith("took 4.0 times as long of those before")


def test_one_long_session_is_no_drift() -> None:
    trials = lasting([1.0] * 14 + [30.0] + [1.0] * 3)
    assert all(not look(trials[:count]).drifting for count in range(1, len(trials) + 1))


@pytest.mark.parametrize(
    "factors",
    [
        [1.0] * 20,
        [1.02**n for n in range(30)],
        [1.0] * 14 + [0.3] * 6,
        [1.0, 2.0, 0.5, 1.4, 0.7] * 4,
    ],
    ids=["steady", "slowly growing", "shorter", "uneven from the start"],
)
def test_other_sessions_are_no_symptom(factors: list[float]) -> None:
    assert "effort" not in signals(lasting(factors))


def test_growth_of_sessions_that_are_short_anyway_matters_to_nobody() -> None:
    trials = lasting([1.0] * 14 + [20.0] * 6, agent_s=1.0, agent_tokens=50)
    assert "effort" not in signals(trials)


def test_sessions_of_unknown_length_tell_nothing() -> None:
    trials = lasting([1.0] * 14 + [9.0] * 6, agent_s=0.0, agent_tokens=None)
    assert "effort" not in signals(trials)
