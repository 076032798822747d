"""Gains that stop weigh in where the symptoms began, and never alone."""

from overnight.drift.facts import TrialFacts
from overnight.types import Verdict

from .trials import honest, look, night, signals, trial


def faster(count: int, verdict: Verdict = Verdict.DISCARD) -> list[TrialFacts]:
    return [trial(f"Faster {n}", verdict, target="tokens_per_second") for n in range(count)]


def test_gains_that_stop_with_the_symptoms_are_counted_before_and_after() -> None:
    trials = night(*honest(8), *honest(8, done=8, verdict=Verdict.KEEP), *faster(4))
    seen = signals(trials)["stall"]
    assert seen.sentence == "0 of the 4 trials since 17 gained, 10 of the 16 before"
    assert 0 < seen.log_odds <= 1


def test_a_dry_spell_alone_says_nothing() -> None:
    dry = honest(30, done=12, verdict=Verdict.DISCARD)
    trials = night(*honest(12, verdict=Verdict.KEEP), *dry)
    assert all(look(trials[:count]).signals == () for count in range(13, len(trials) + 1))


def test_a_dry_spell_that_began_long_before_the_symptoms_says_nothing() -> None:
    dry = honest(20, done=12, verdict=Verdict.DISCARD)
    assert "stall" not in signals(night(*honest(12), *dry, *faster(4)))


def test_symptoms_that_go_on_gaining_are_no_stall() -> None:
    seen = signals(night(*honest(12), *faster(4, Verdict.KEEP)))
    assert "target" in seen
    assert "stall" not in seen


def test_a_stall_adds_less_than_one_more_symptom() -> None:
    gaining = night(*honest(16, verdict=Verdict.KEEP), *faster(5))
    odds = {name: each.log_odds for name, each in signals(gaining).items()}
    assert odds["stall"] <= 1 < odds["target"] / 5
