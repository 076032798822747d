"""What each keep of a chain is worth."""

import random

from hypothesis import given
from hypothesis import strategies as st

from overnight.checkpoints.worth import Remeasured, Told, worths
from overnight.types import Goal

NOISY = [0.0, 0.02, -0.02]


def around(value: float) -> list[float]:
    return [value + shift for shift in NOISY]


def test_a_chain_with_one_real_gain_one_lucky_and_one_harmful_keep() -> None:
    chain = [
        Remeasured(1, "real", around(0.5), without=around(1.0)),
        Remeasured(2, "lucky", around(0.5), without=around(0.91)),
        Remeasured(3, "harmful", around(0.9)),
    ]
    real, lucky, harmful = worths(Goal.MINIMIZE, around(1.0), chain)
    assert (real.told, lucky.told, harmful.told) == (Told.HELPS, Told.NOISE, Told.HURTS)
    assert real.part is not None
    assert round(real.part.value, 6) == 0.1
    assert harmful.part == harmful.step, "without the newest change it is the keep before it"


def test_what_a_later_change_made_useless_is_told_by_the_incumbent_without_it() -> None:
    chain = [
        Remeasured(1, "superseded", around(0.8), without=around(0.2)),
        Remeasured(2, "does the same better", around(0.2)),
    ]
    superseded, _ = worths(Goal.MINIMIZE, around(1.0), chain)
    assert superseded.step is not None
    assert superseded.step.is_told_from_zero
    assert superseded.told is Told.NOISE


def test_what_cannot_be_taken_out_is_told_by_its_step() -> None:
    first, _ = worths(
        Goal.MAXIMIZE,
        around(1.0),
        [Remeasured(1, "base of all", around(2.0)), Remeasured(2, "more", around(2.5))],
    )
    assert first.part is None
    assert first.told is Told.HELPS


def test_a_keep_that_fails_when_measured_again_is_unmeasured() -> None:
    [keep] = worths(Goal.MINIMIZE, around(1.0), [Remeasured(1, "flaky", ())])
    assert keep.told is Told.UNMEASURED
    assert keep.facts()["step"] is None


@given(seed=st.integers(0, 30))
def test_pure_noise_is_rarely_told_from_noise(seed: int) -> None:
    rng = random.Random(seed)
    chain = [Remeasured(number, "", [rng.gauss(0, 1) for _ in range(3)]) for number in range(1, 9)]
    told = worths(Goal.MINIMIZE, [rng.gauss(0, 1) for _ in range(3)], chain)
    assert sum(keep.told is not Told.NOISE for keep in told) <= 3
