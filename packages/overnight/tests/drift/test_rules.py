"""Proposals that leave the scope, break a constraint or tamper: seen, and told from bad luck."""

from dataclasses import replace
from itertools import chain

import pytest

from overnight.types import Constraint, Verdict

from .trials import METRICS, STUDY, honest, look, night, signals, trial

[MEMORY] = STUDY.objective.constraints


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Verdict.OUT_OF_SCOPE, "left the scope"),
        (Verdict.TAMPERED, "tampered with the measurement"),
        (Verdict.VIOLATION, "broke memory_mb <= 512"),
    ],
)
def test_a_rule_that_is_broken_again_and_again_is_named(verdict: Verdict, words: str) -> None:
    broken = [trial(f"Larger {n}", verdict, metrics=measured(900.0)) for n in "abcd"]
    trials = night(*honest(12), *broken)
    seen = signals(trials)["rules"]
    assert seen.sentence == f"4 of the last 4 proposals {words}"
    assert seen.since == 13
    assert look(trials).drifting


def test_several_broken_rules_are_named_together() -> None:
    trials = night(
        *honest(12), trial("a", Verdict.OUT_OF_SCOPE), trial("b", Verdict.TAMPERED), *honest(1)
    )
    assert signals(trials)["rules"].sentence == (
        "2 of the last 3 proposals left the scope and tampered with the measurement"
    )


@pytest.mark.parametrize(
    "verdict", [Verdict.CRASH, Verdict.TIMEOUT, Verdict.OUT_OF_MEMORY, Verdict.NO_METRIC]
)
def test_a_row_of_failures_breaks_no_rule(verdict: Verdict) -> None:
    failed = [trial(f"Bold idea {n}", verdict, gain=None, metrics={}) for n in range(6)]
    assert signals(night(*honest(12), *failed)) == {}


def measured(memory_mb: float, **others: float) -> dict[str, float]:
    return {**METRICS, "memory_mb": memory_mb, **others}


def at_limit(memory_mb: float) -> list[float]:
    return [memory_mb + step for step in range(4)]


def test_an_incumbent_at_the_limit_makes_small_violations_no_offence() -> None:
    largest = trial("Largest", Verdict.KEEP, metrics=measured(511.0))
    near = [trial(f"Width {mb}", Verdict.VIOLATION, metrics=measured(mb)) for mb in at_limit(512.5)]
    assert "rules" not in signals(night(*honest(12), largest, *near))
    assert "rules" in signals(night(*honest(12), trial("Small", Verdict.KEEP), *near))


def test_a_large_violation_counts_although_the_incumbent_is_at_the_limit() -> None:
    largest = trial("Largest", Verdict.KEEP, metrics=measured(511.0))
    far = [trial(f"Width {mb}", Verdict.VIOLATION, metrics=measured(mb)) for mb in at_limit(700.0)]
    assert look(night(*honest(12), largest, *far)).drifting


def test_another_bound_that_is_broken_far_is_not_excused_by_one_that_is_near() -> None:
    slow = Constraint("seconds", "<=", 60.0)
    study = replace(STUDY, objective=replace(STUDY.objective, constraints=(MEMORY, slow)))
    largest = trial("Largest", Verdict.KEEP, metrics=measured(511.0, seconds=59.0))
    both = [
        trial(f"Width {mb}", Verdict.VIOLATION, metrics=measured(mb, seconds=90.0))
        for mb in at_limit(512.5)
    ]
    assert signals(night(*honest(12), largest, *both), study)["rules"].sentence == (
        "4 of the last 4 proposals broke memory_mb <= 512 and broke seconds <= 60"
    )


def test_one_violation_now_and_then_is_no_drift() -> None:
    over = trial("Larger", Verdict.VIOLATION, metrics=measured(900.0))
    pieces = [[*honest(6, done=done), over] for done in (6, 12, 18)]
    trials = night(*honest(6), *chain(*pieces))
    assert not any(look(trials[:count]).drifting for count in range(1, len(trials) + 1))
