from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from expertswap.coverage import by_domain, by_layer, coverage, shared_traffic
from expertswap.observation import Observation
from expertswap.types import ModelIdentity, MoeShape

Counts = NDArray[np.int64]
SHARES = st.floats(0.0, 1.0)
COUNTS = arrays.arrays(np.int64, st.integers(1, 40), elements=st.integers(0, 10**6)).filter(
    lambda counts: bool(counts.any())
)


def observed(count_DLE: Counts) -> Observation:
    D, L, E = count_DLE.shape
    nothing: Any = np.zeros(())
    return Observation(
        model=ModelIdentity("tiny", "abc", MoeShape("qwen3_moe", (*range(3, 3 + L),), E, 1, 8, 4)),
        domains=tuple(f"domain {number}" for number in range(D)),
        tokens_D=count_DLE[:, 0].sum(axis=1),
        count_DLE=count_DLE,
        gate_sum_DLE=nothing,
        norm_sum_DLE=nothing,
        gated_norm_sum_DLE=nothing,
        max_activation_LE=nothing,
        coactivation_LEE=nothing,
    )


@given(COUNTS)
def test_a_curve_rises_ever_more_slowly_from_nothing_to_everything(counts: Counts) -> None:
    one = coverage(counts)
    assert one.traffic_N[0] == 0
    assert one.traffic_N[-1] == pytest.approx(1)
    steps = np.diff(one.traffic_N)
    assert (steps >= 0).all()
    assert (np.diff(steps) <= 1e-9).all()
    assert (one.traffic_N >= one.experts_N - 1e-9).all()


@given(COUNTS, SHARES)
def test_no_fewer_experts_carry_a_share_of_the_traffic(counts: Counts, share: float) -> None:
    needed = round(coverage(counts).experts_for(share) * len(counts))
    busiest = np.sort(counts)[::-1] / counts.sum()
    assert busiest[:needed].sum() >= share - 1e-9
    assert needed == 0 or busiest[: needed - 1].sum() < share + 1e-9


@given(COUNTS, st.randoms(use_true_random=False), st.integers(1, 9))
def test_neither_order_nor_scale_matters(counts: Counts, random: Any, factor: int) -> None:
    shuffled = counts.tolist()
    random.shuffle(shuffled)
    other = coverage(np.array(shuffled) * factor)
    np.testing.assert_allclose(other.traffic_N, coverage(counts).traffic_N, atol=1e-12)


def test_even_traffic_is_a_straight_line() -> None:
    one = coverage(np.full(10, 7))
    np.testing.assert_allclose(one.traffic_N, one.experts_N)
    assert one.experts_for(0.7) == pytest.approx(0.7)
    assert one.traffic_of(0.25) == pytest.approx(0.25)
    assert one.unused == 0


def test_without_traffic_nothing_is_told() -> None:
    one = coverage(np.zeros(4))
    assert np.isnan(one.experts_for(0.5))
    assert one.unused == 1


def test_layers_and_domains_have_curves_of_their_own() -> None:
    seen = observed(np.array([[[6, 0, 0, 0], [2, 2, 1, 1]], [[0, 1, 0, 0], [1, 0, 0, 0]]]))
    layers, domains = by_layer(seen), by_domain(seen)
    assert [*layers] == [3, 4]
    assert layers[3].experts_for(0.85) == 0.25
    assert domains["domain 1"].experts_for(1.0) == 0.25
    assert domains["domain 1"].unused == 0.75


def test_what_domains_share() -> None:
    seen = observed(np.array([[[9, 1, 0, 0]], [[0, 0, 4, 6]], [[0, 0, 0, 0]]]))
    shares_DD = shared_traffic(seen, experts=0.5)
    np.testing.assert_allclose(shares_DD[:2, :2], np.eye(2))
    assert np.isnan(shares_DD[:, 2]).all()
