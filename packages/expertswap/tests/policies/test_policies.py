"""The compiled policies against their definitions, written out plainly."""

from collections.abc import Callable
from functools import cache
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from expertswap.errors import PlanError
from expertswap.policies.layer_cache import LayerCache
from expertswap.policies.policy import (
    BELADY,
    LFU,
    LRU,
    PINNED_LRU,
    POLICIES,
    STATIC,
    LayerPlacement,
    Policy,
    policy_named,
)
from expertswap.simulate.calls import Calls
from expertswap.simulate.replaying import hits_by_size, simulate

NUM_EXPERTS = 6
PLAIN = {"static", "lru", "lfu", "lfru", "least-stale", "pinned-lru"}  # neither told nor taught
NEVER = 10**9

CallList = list[list[int]]
calls_strategy = st.lists(
    st.lists(st.integers(0, NUM_EXPERTS - 1), min_size=1, max_size=4, unique=True).map(sorted),
    min_size=1,
    max_size=40,
)
placements = st.builds(
    lambda slots, order, pinned: LayerPlacement(
        slots, tuple(order[:slots]), core=tuple(order[: min(pinned, slots)])
    ),
    st.integers(1, NUM_EXPERTS),
    st.permutations(range(NUM_EXPERTS)),
    st.integers(0, 2),
)


class PlainCache:
    """What each policy is, in words that need no numpy."""

    def __init__(self, name: str, layer: LayerPlacement, calls: CallList) -> None:
        self.name, self.layer, self.calls = name, layer, calls
        self.inside = list(layer.residents[: layer.num_slots])
        self.loaded = dict.fromkeys(range(NUM_EXPERTS), -1)

    def misses(self) -> list[int]:
        return [self._serve(now, call) for now, call in enumerate(self.calls)]

    def _serve(self, now: int, call: list[int]) -> int:
        missing = [expert for expert in call if expert not in self.inside]
        for expert in missing:
            self._admit(expert, now)
        return len(missing)

    def _admit(self, expert: int, now: int) -> None:
        if self.name == "static":
            return
        if len(self.inside) == self.layer.num_slots:
            pinned = self.layer.core if self.name == "pinned-lru" else ()
            may_leave = set(self.inside) - set(self.calls[now]) - set(pinned)
            if not may_leave:
                return
            leaver = min(may_leave, key=lambda e: self._rank(e, now))
            if self.name == "belady-streaming" and self._rank(expert, now) < self._rank(
                leaver, now
            ):
                return
            self.inside.remove(leaver)
        self.inside.append(expert)
        self.loaded[expert] = now

    def _rank(self, expert: int, now: int) -> tuple[float, int, int]:
        return self._worth(expert, now), self._last(expert, now), expert

    def _uses(self, expert: int, now: int) -> list[int]:
        return [past for past in range(now + 1) if expert in self.calls[past]]

    def _last(self, expert: int, now: int) -> int:
        return max(self._uses(expert, now), default=-2)

    def _worth(self, expert: int, now: int) -> float:
        uses = self._uses(expert, now)
        worths: dict[str, Callable[[], float]] = {
            "lru": lambda: self._last(expert, now),
            "pinned-lru": lambda: self._last(expert, now),
            "lfu": lambda: len(uses),
            "lfru": lambda: len(uses) / (now - max(uses, default=-2) + 1),
            "least-stale": lambda: self.loaded[expert],
            "belady": lambda: (
                -next(
                    (t for t in range(now + 1, len(self.calls)) if expert in self.calls[t]), NEVER
                )
            ),
        }
        return round(worths[self.name.removesuffix("-streaming")](), 12)


def one_layer(calls: CallList) -> Calls:
    experts_N = np.array([expert for call in calls for expert in call], np.int16)
    start_LS1 = np.cumsum([0, *map(len, calls)])[None]
    return Calls(experts_N, start_LS1, np.ones(len(calls), np.int64), NUM_EXPERTS)


def replayed(policy: Policy, layer: LayerPlacement, calls: CallList) -> NDArray[np.int64]:
    misses_S: NDArray[np.int64] = simulate(one_layer(calls), policy, [layer]).misses_LS[0]
    return misses_S


@pytest.mark.parametrize("name", sorted(PLAIN | {"belady", "belady-streaming"}))
@given(calls=calls_strategy, layer=placements)
@settings(max_examples=40, deadline=None)
def test_a_replay_misses_just_what_the_definition_misses(
    name: str, calls: CallList, layer: LayerPlacement
) -> None:
    expected = PlainCache(name, layer, calls).misses()
    assert replayed(POLICIES[name], layer, calls).tolist() == expected


@pytest.mark.parametrize("name", sorted(PLAIN))
@given(calls=calls_strategy, layer=placements)
@settings(max_examples=20, deadline=None)
def test_a_cache_driven_online_fetches_just_what_was_simulated(
    name: str, calls: CallList, layer: LayerPlacement
) -> None:
    cache = LayerCache(POLICIES[name], layer, num_experts=NUM_EXPERTS)
    holds: dict[int, int] = {slot: e for e, slot in enumerate(cache.slot_E) if slot >= 0}
    fetched = []
    for call in calls:
        fetches = cache.serve(np.array(call, np.int16))
        fetched.append(len(fetches.experts_N))
        placed = {
            int(slot): int(expert)
            for expert, slot in zip(fetches.experts_N, fetches.slots_N, strict=True)
            if slot >= 0
        }
        hits = set(call) - set(fetches.experts_N.tolist())
        assert hits <= set(holds.values()) - {holds.get(slot) for slot in placed}
        holds |= placed
        assert holds == {slot: e for slot, e in enumerate(cache.expert_S) if e >= 0}
        assert holds == {slot: e for e, slot in enumerate(cache.slot_E) if slot >= 0}
    assert fetched == replayed(POLICIES[name], layer, calls).tolist()


@pytest.mark.parametrize("name", sorted(PLAIN - {"least-stale"} | {"belady"}))
@given(calls=calls_strategy, layer=placements)
@settings(max_examples=20, deadline=None)
def test_one_pass_tells_the_hits_of_every_size(
    name: str, calls: CallList, layer: LayerPlacement
) -> None:
    order = (*layer.residents, *(e for e in range(NUM_EXPERTS) if e not in layer.residents))
    largest_call, lookups = max(map(len, calls)), sum(map(len, calls))
    pinned = len(layer.core)
    whole = LayerPlacement(NUM_EXPERTS, order, layer.core)
    curve = hits_by_size(one_layer(calls), POLICIES[name], [whole])[0]
    for slots in range(largest_call + pinned, NUM_EXPERTS + 1):
        sized = LayerPlacement(slots, order, layer.core)
        assert curve[slots] == lookups - replayed(POLICIES[name], sized, calls).sum()


@given(
    calls=st.lists(
        st.lists(st.integers(0, 3), min_size=1, max_size=2, unique=True).map(sorted),
        min_size=1,
        max_size=8,
    ),
    slots=st.integers(2, 4),
)
@settings(max_examples=40, deadline=None)
def test_belady_misses_as_little_as_any_choice_of_victims(calls: CallList, slots: int) -> None:
    @cache
    def fewest(step: int, inside: frozenset[int]) -> int:
        if step == len(calls):
            return 0
        call = frozenset(calls[step])
        others = sorted(inside - call)
        room = min(slots - len(call), len(others))
        kept = combinations(others, room)
        return len(call - inside) + min(fewest(step + 1, call | set(some)) for some in kept)

    layer = LayerPlacement(slots)
    assert replayed(BELADY, layer, calls).sum() == fewest(0, frozenset())


def test_known_traces_leave_known_residents() -> None:
    calls = [[0], [1], [0], [0], [1], [2]]
    lru = LayerCache(LRU, LayerPlacement(2), num_experts=3)
    lfu = LayerCache(LFU, LayerPlacement(2), num_experts=3)
    for call in calls:
        lru.serve(np.array(call, np.int16))
        lfu.serve(np.array(call, np.int16))
    assert set(lru.expert_S) == {1, 2}
    assert set(lfu.expert_S) == {0, 2}


def test_what_static_pinning_misses_is_streamed_and_thrown_away() -> None:
    cache = LayerCache(STATIC, LayerPlacement(2, (0, 1)), num_experts=4)
    fetches = cache.serve(np.array([1, 2], np.int16))
    assert (fetches.experts_N.tolist(), fetches.slots_N.tolist()) == ([2], [-1])
    assert cache.expert_S.tolist() == [0, 1]


def test_a_call_larger_than_the_slots_streams_what_does_not_fit() -> None:
    cache = LayerCache(LRU, LayerPlacement(2), num_experts=4)
    fetches = cache.serve(np.array([0, 1, 2], np.int16))
    assert fetches.slots_N.tolist() == [0, 1, -1]


def test_the_core_never_leaves() -> None:
    layer = LayerPlacement(2, (3, 2), core=(3,))
    cache = LayerCache(PINNED_LRU, layer, num_experts=4)
    for expert in (0, 1, 2, 0):
        cache.serve(np.array([expert], np.int16))
        assert 3 in cache.expert_S


def test_a_prefetch_spares_the_miss_and_evicts_nothing_expected() -> None:
    cache = LayerCache(LRU, LayerPlacement(2, (0, 1)), num_experts=4)
    loaded = cache.prefetch(np.array([1, 2, 3], np.int16), most=2)
    assert loaded.experts_N.tolist() == [2]
    assert set(cache.expert_S) == {1, 2}
    assert not len(cache.serve(np.array([1, 2], np.int16)).experts_N)


def test_the_optimum_cannot_be_driven_online() -> None:
    with pytest.raises(PlanError, match="future"):
        LayerCache(BELADY, LayerPlacement(2), num_experts=4)


def test_an_unknown_policy_is_one_sentence_with_those_that_there_are() -> None:
    with pytest.raises(PlanError, match=r"'fifo'.*lru, lfu"):
        policy_named("fifo")
