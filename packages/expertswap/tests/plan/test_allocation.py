from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from expertswap.errors import BudgetTooSmall
from expertswap.plan.allocation import allocate
from expertswap.plan.budget import Budget
from expertswap.plan.placing import uniform
from expertswap.types import MoeShape

SHAPE = MoeShape("qwen3_moe", (0, 1, 2), 8, 2, 16, 8)


def curves(gains: list[list[int]]) -> NDArray[np.int64]:
    return np.cumsum([[0, *layer] for layer in gains], axis=1)


concave_gains = st.lists(
    st.lists(st.integers(0, 50), min_size=5, max_size=5).map(lambda row: sorted(row, reverse=True)),
    min_size=1,
    max_size=3,
)


@given(gains=concave_gains, extra=st.integers(0, 12))
def test_no_other_slots_hit_more_where_each_next_slot_brings_less(
    gains: list[list[int]], extra: int
) -> None:
    hits_LS, layers = curves(gains), len(gains)
    total = min(layers + extra, 5 * layers)
    given_L = allocate(hits_LS, total, least=1)
    assert given_L.sum() == total
    assert given_L.min() >= 1

    def hits(slots_L: tuple[int, ...]) -> int:
        return sum(int(hits_LS[layer, slots]) for layer, slots in enumerate(slots_L))

    every = (some for some in product(range(1, 6), repeat=layers) if sum(some) == total)
    assert hits(tuple(given_L.tolist())) == max(map(hits, every))


def test_slots_that_pay_off_only_together_are_given_together() -> None:
    alone = [0, 0, 90, 0]
    steady = [20, 10, 5, 5]
    assert allocate(curves([alone, steady]), 5, least=1).tolist() == [3, 2]


def test_even_shares_differ_by_one_at_most() -> None:
    assert uniform(11, num_layers=4).tolist() == [3, 3, 3, 2]


def test_the_budget_is_what_the_rest_leaves() -> None:
    budget = Budget(gpu_bytes=1000, other_weights_bytes=300, reserve_bytes=95, expert_bytes=50)
    assert budget.for_experts_bytes == 605
    assert budget.slots(SHAPE) == 12


def test_there_are_never_more_slots_than_experts() -> None:
    budget = Budget(gpu_bytes=10**9, other_weights_bytes=0, reserve_bytes=0, expert_bytes=50)
    assert budget.slots(SHAPE) == 24


def test_a_budget_too_small_for_one_token_says_how_much_is_enough() -> None:
    budget = Budget(gpu_bytes=600, other_weights_bytes=300, reserve_bytes=100, expert_bytes=50)
    with pytest.raises(BudgetTooSmall, match=r"holds 4 experts .* needs 6 .*at least 700 bytes"):
        budget.slots(SHAPE)
