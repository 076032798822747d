"""Statistics of repeats, against known answers and simulated truths."""

import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.stats import Noise, estimate, pooled_noise

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6)


def test_one_group_gives_the_sample_deviation() -> None:
    noise = pooled_noise([[1.0, 2.0, 3.0, 4.0]])
    assert noise.sd == pytest.approx(math.sqrt(5 / 3))
    assert noise.freedom == 3


@given(groups=st.lists(VALUES, max_size=5), shift=st.floats(-1e3, 1e3))
def test_where_a_group_lies_does_not_matter(groups: Sequence[list[float]], shift: float) -> None:
    moved = [[value + shift * place for value in group] for place, group in enumerate(groups)]
    one, other = pooled_noise(groups), pooled_noise(moved)
    assert one.freedom == other.freedom == sum(len(group) - 1 for group in groups)
    assert other.sd == pytest.approx(one.sd, abs=1e-3)


def test_nothing_repeated_says_nothing() -> None:
    noise = pooled_noise([[1.0], [5.0], []])
    assert not noise.is_known
    unknown = estimate(0.3, noise, variances=2.0)
    assert (unknown.low, unknown.high) == (-math.inf, math.inf)
    assert not unknown.is_told_from_zero


def test_a_textbook_interval() -> None:
    # n = 10, s = 2: 95 % for the mean is 2.262 * 2 / sqrt(10).
    found = estimate(50.0, Noise(2.0, 9), variances=1 / 10)
    assert found.high - 50.0 == pytest.approx(2.262157 * 2 / math.sqrt(10), rel=1e-5)


def test_identical_repeats_tell_the_smallest_gain() -> None:
    assert estimate(1e-9, pooled_noise([[1.0, 1.0]]), variances=2.0).is_told_from_zero


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_intervals_cover_the_truth_as_often_as_they_say(confidence: float) -> None:
    rng = random.Random(7)
    covered, rounds, truth = 0, 2_000, 0.4
    for _ in range(rounds):
        old = [rng.gauss(2.0, 1.0) for _ in range(3)]
        new = [rng.gauss(2.0 - truth, 1.0) for _ in range(3)]
        gain = sum(old) / 3 - sum(new) / 3
        found = estimate(gain, pooled_noise([old, new]), variances=2 / 3, confidence=confidence)
        covered += found.low <= truth <= found.high
    assert covered / rounds == pytest.approx(confidence, abs=0.02)
