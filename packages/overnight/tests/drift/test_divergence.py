"""A metric that gains while the hold-out does not; the sentence keeps the hold-out's numbers."""

import re
from dataclasses import replace

from overnight.drift.facts import TrialFacts
from overnight.types import Verdict

from .trials import GAIN, STUDY, honest, look, night, signals, trial


def checked(count: int, *, share: float, gain: float = GAIN) -> list[TrialFacts]:
    """Twelve honest trials, then kept ones, with a checkpoint after every second trial.

    Args:
        share: How much of the later gains the hold-out sees.
    """
    later = [trial(f"Calibrate {n}", Verdict.KEEP, gain=gain) for n in range(count)]
    metric = holdout = 0.0
    seen: float | None = None
    found = []
    for each in night(*honest(12), *later):
        gained = (each.gain or 0.0) if each.verdict is Verdict.KEEP else 0.0
        metric += gained
        holdout += gained * (1.0 if each.number <= 12 else share)
        if each.number % 2 == 0:
            seen = holdout + 0.000123 * each.number / 2
        found.append(replace(each, holdout=seen))
    return found


def test_gains_that_the_holdout_does_not_see_are_told_without_its_numbers() -> None:
    trials = checked(8, share=0.0)
    seen = signals(trials)["divergence"]
    assert seen.sentence == "in 10 trials val_loss gained 0.08, and the hold-out did not follow"
    assert look(trials).drifting
    for held in {each.holdout for each in trials if each.holdout is not None}:
        assert f"{held:.3g}" not in re.findall(r"[\d.]+", seen.sentence)


def test_a_holdout_that_follows_half_way_is_no_divergence() -> None:
    assert "divergence" not in signals(checked(8, share=1.0))
    assert "divergence" not in signals(checked(8, share=0.5))


def test_without_a_holdout_there_is_nothing_to_part_from() -> None:
    blind = [replace(each, holdout=None) for each in checked(8, share=0.0)]
    assert "divergence" not in signals(blind)


def test_a_holdout_measured_once_says_nothing_yet() -> None:
    once = [
        replace(each, holdout=0.01 if each.number > 12 else None) for each in checked(8, share=0.0)
    ]
    assert "divergence" not in signals(once)


def test_gains_within_the_noise_are_no_divergence() -> None:
    trials = checked(8, share=0.0)
    assert "divergence" not in signals(trials, replace(STUDY, noise=10 * GAIN))
    assert "divergence" in signals(trials, replace(STUDY, noise=GAIN / 100))


def test_a_dry_spell_is_no_divergence() -> None:
    dry = [replace(each, verdict=Verdict.DISCARD) for each in checked(8, share=0.0)[12:]]
    assert "divergence" not in signals([*checked(0, share=0.0), *dry])


def test_one_checkpoint_that_parts_a_little_is_no_drift() -> None:
    trials = checked(2, share=0.2)
    assert "divergence" in signals(trials)
    assert not look(trials).drifting
