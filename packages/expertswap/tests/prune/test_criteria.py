from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expertswap.errors import ObservationError, PruningRefused
from expertswap.observation import Observation
from expertswap.prune.criteria import (
    kept_count,
    kept_experts,
    random_saliency,
    saliency,
    super_experts,
)
from expertswap.prune.criterion import Criterion
from expertswap.types import ModelIdentity, MoeShape

SHAPE = MoeShape("qwen3_moe", (0,), 4, 2, 8, 4)


def observation() -> Observation:
    """One layer, two domains; by hand, so that each criterion ranks otherwise."""
    return Observation(
        model=ModelIdentity("tiny", "abc", SHAPE),
        domains=("code", "prose"),
        tokens_D=np.array([10, 10]),
        count_DLE=np.array([[[8, 1, 2, 0]], [[2, 1, 2, 0]]]),
        gate_sum_DLE=np.ones((2, 1, 4)),
        norm_sum_DLE=np.array([[[1.0, 2.0, 30.0, 9.0]], [[1.0, 2.0, 30.0, 9.0]]]),
        gated_norm_sum_DLE=np.array([[[10.0, 6.0, 4.0, 9.0]], [[10.0, 6.0, 4.0, 9.0]]]),
        max_activation_LE=np.ones((1, 4), np.float32),
        coactivation_LEE=np.zeros((1, 4, 4), np.int64),
    )


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        (Criterion.REAP, [2.0, 6.0, 2.0]),
        (Criterion.FREQUENCY, [10.0, 2.0, 4.0]),
        (Criterion.EAN, [2.0, 4.0, 60.0]),
        (Criterion.WEIGHTED_EAN, [20.0, 12.0, 8.0]),
    ],
)
def test_each_criterion_is_its_formula(criterion: Criterion, expected: list[float]) -> None:
    assert saliency(observation(), criterion)[0].tolist() == [*expected, -np.inf]


def test_values_that_are_not_finite_are_refused() -> None:
    broken = replace(observation(), norm_sum_DLE=np.full((2, 1, 4), np.inf))
    with pytest.raises(ObservationError, match="not finite"):
        saliency(broken, Criterion.EAN)


def test_chance_is_the_same_for_the_same_seed() -> None:
    np.testing.assert_array_equal(random_saliency(SHAPE, seed=3), random_saliency(SHAPE, seed=3))
    assert (random_saliency(SHAPE, seed=3) != random_saliency(SHAPE, seed=4)).any()


def test_super_experts_are_far_above_the_others_and_not_in_the_last_layers() -> None:
    activation_LE = np.ones((4, 256))
    activation_LE[0, 7] = 1000.0
    activation_LE[1, 9] = 90.0
    activation_LE[3, 5] = 900.0
    assert np.argwhere(super_experts(activation_LE)).tolist() == [[0, 7]]


def test_no_expert_is_super_where_all_are_alike() -> None:
    assert not super_experts(np.ones((4, 256))).any()


@pytest.mark.parametrize(("keep", "expected"), [(0.5, 64), (0.75, 96), (0.7, 90), (0.0625, 8)])
def test_the_share_is_rounded_up_to_whole_experts(keep: float, expected: int) -> None:
    assert kept_count(replace(SHAPE, num_experts=128, top_k=8), keep=keep) == expected


def test_every_group_keeps_as_many_and_enough_for_a_token() -> None:
    grouped = MoeShape("deepseek_v3", (0,), 256, 8, 8, 4, num_groups=8)
    assert kept_count(grouped, keep=0.5, groups_per_token=4) == 128
    assert kept_count(grouped, keep=0.01 + 1 / 16, groups_per_token=4) == 24
    with pytest.raises(PruningRefused, match=r"too few for the 8 .* Keep at least 0\.063"):
        kept_count(grouped, keep=0.03, groups_per_token=4)


@pytest.mark.parametrize("keep", [-1.0, 0.0, 0.01])
def test_fewer_than_a_token_uses_are_refused(keep: float) -> None:
    with pytest.raises(PruningRefused, match=r"Keep at least 0\.5"):
        kept_count(SHAPE, keep=keep)


@pytest.mark.parametrize("keep", [0.99, 1.0, 2.0])
def test_removing_none_is_refused(keep: float) -> None:
    with pytest.raises(PruningRefused, match="removes none"):
        kept_count(SHAPE, keep=keep)


@given(
    saliency_LE=st.integers(1, 3).flatmap(
        lambda layers: st.lists(
            st.lists(st.floats(0, 10) | st.just(-np.inf), min_size=12, max_size=12),
            min_size=layers,
            max_size=layers,
        )
    ),
    num_groups=st.sampled_from([1, 2, 3]),
    per_group=st.integers(1, 3),
)
def test_the_best_of_each_group_stay(
    saliency_LE: list[list[float]], num_groups: int, per_group: int
) -> None:
    worth_LE = np.array(saliency_LE)
    kept_LK = kept_experts(worth_LE, num_kept=num_groups * per_group, num_groups=num_groups)
    for worth_E, kept_K in zip(worth_LE, kept_LK, strict=True):
        assert (np.diff(kept_K) > 0).all()
        for group in range(num_groups):
            members = np.arange(12 // num_groups) + group * (12 // num_groups)
            stay = np.isin(members, kept_K)
            assert stay.sum() == per_group
            assert worth_E[members[stay]].min() >= worth_E[members[~stay]].max()


def test_of_equals_the_first_stay() -> None:
    assert kept_experts(np.ones((1, 4)), num_kept=2).tolist() == [[0, 1]]


def test_experts_never_seen_go_first() -> None:
    worth_LE = saliency(observation(), Criterion.FREQUENCY)
    assert 3 not in kept_experts(worth_LE, num_kept=3)[0]


def test_protected_experts_stay_whatever_they_are_worth() -> None:
    protected_LE = np.array([[False, False, False, True]])
    kept_LK = kept_experts(
        np.array([[9.0, 8.0, 7.0, -np.inf]]), num_kept=2, protected_LE=protected_LE
    )
    assert kept_LK.tolist() == [[0, 3]]
    with pytest.raises(PruningRefused, match="super-experts"):
        kept_experts(np.ones((1, 4)), num_kept=2, protected_LE=np.ones((1, 4), np.bool_))
