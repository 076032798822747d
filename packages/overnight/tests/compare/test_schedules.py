"""Whose turn is next."""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.compare.schedules import (
    EqualBudget,
    Order,
    Schedule,
    Turn,
    Used,
    next_turn,
    next_turns,
    order_of_block,
)

ARMS = ("codex", "tune", "replay", "chat")
MANY = 100_000


def schedules(order: Order = Order.INTERLEAVED) -> st.SearchStrategy[Schedule]:
    return st.builds(
        Schedule,
        arms=st.integers(1, 4).map(lambda count: ARMS[:count]),
        order=st.just(order),
        seed=st.integers(0, 1_000),
    )


def take(
    used: Mapping[str, Used], turn: Turn, *, seconds: float = 1.0, proposal: bool = True
) -> dict[str, Used]:
    """What is used up after one more turn."""
    before = used.get(turn.arm, Used())
    devices = list(before.on_devices) + [0] * (turn.device + 1 - len(before.on_devices))
    devices[turn.device] += 1
    after = replace(
        before,
        turns=before.turns + 1,
        trials=before.trials + proposal,
        device_s=before.device_s + seconds,
        wall_s=before.wall_s + seconds,
        on_devices=tuple(devices),
    )
    return {**used, turn.arm: after}


def play(schedule: Schedule, budget: EqualBudget, cost_s: Mapping[str, float]) -> list[str]:
    """Every turn to the end."""
    used: dict[str, Used] = {}
    played = []
    while (arm := next_turn(schedule, used, budget)) is not None:
        used = take(used, Turn(arm), seconds=cost_s.get(arm, 1.0))
        played.append(arm)
        assert len(played) < 5_000
    return played


@given(schedule=schedules(), trials=st.integers(1, 12))
def test_each_block_has_each_arm_once(schedule: Schedule, trials: int) -> None:
    played = play(schedule, EqualBudget(trials=trials), {})
    size = len(schedule.arms)
    blocks = [played[at : at + size] for at in range(0, len(played), size)]
    assert len(blocks) == trials
    assert all(sorted(block) == sorted(schedule.arms) for block in blocks)


@given(
    schedule=schedules(),
    costs=st.tuples(*[st.floats(20, 150)] * 4),
    seed=st.integers(0, 99),
)
def test_no_arm_is_ever_ahead_of_another_by_more_than_a_block(
    schedule: Schedule, costs: tuple[float, ...], seed: int
) -> None:
    rng = random.Random(seed)
    used: dict[str, Used] = {}
    budget = EqualBudget(device_s=3_000)
    dearest = 0.0
    while (arm := next_turn(schedule, used, budget)) is not None:
        seconds = dict(zip(ARMS, costs, strict=True))[arm] * rng.uniform(0.9, 1.1)
        dearest = max(dearest, seconds)
        used = take(used, Turn(arm), seconds=seconds)
        spent = [used.get(each, Used()).device_s for each in schedule.arms]
        if max(spent) < 3_000:
            assert max(spent) - min(spent) <= 2 * dearest, "one block, and the turn that ends it"
    assert all(3_000 <= used[each].device_s < 3_000 + 2 * dearest for each in schedule.arms)


@given(schedule=schedules(), cut=st.integers(0, 30), costs=st.tuples(*[st.floats(1, 8)] * 4))
def test_resumption_goes_on_as_if_nothing_had_happened(
    schedule: Schedule, cut: int, costs: tuple[float, ...]
) -> None:
    budget, cost_s = EqualBudget(device_s=60), dict(zip(ARMS, costs, strict=True))
    whole = play(schedule, budget, cost_s)
    used: dict[str, Used] = {}
    for earlier in whole[:cut]:
        used = take(used, Turn(earlier), seconds=cost_s[earlier])
    rest = []
    while (arm := next_turn(schedule, dict(reversed(used.items())), budget)) is not None:
        used = take(used, Turn(arm), seconds=cost_s[arm])
        rest.append(arm)
    assert whole[:cut] + rest == whole


@given(
    schedule=schedules(),
    barren=st.sampled_from(ARMS),
    budget=st.sampled_from([EqualBudget(device_s=300), EqualBudget(agent_tokens=300)]),
)
def test_nobody_starves_and_the_end_comes_with_an_arm_that_uses_nothing(
    schedule: Schedule, barren: str, budget: EqualBudget
) -> None:
    used: dict[str, Used] = {}
    waited: Counter[str] = Counter()
    for _ in range(2_000):
        arm = next_turn(schedule, used, budget)
        if arm is None:
            break
        cost = 0 if arm == barren and len(schedule.arms) > 1 else 10
        before = used.get(arm, Used())
        used[arm] = replace(
            before,
            turns=before.turns + 1,
            device_s=before.device_s + cost,
            agent_tokens=before.agent_tokens + cost,
        )
        waited.update(schedule.arms)
        waited[arm] = 0
        assert max(waited.values()) <= 8 * len(schedule.arms) + len(schedule.arms)
    else:
        raise AssertionError("it never ended")
    assert set(used) == set(schedule.arms)


def test_blocks_are_drawn_and_not_all_alike() -> None:
    budget = EqualBudget(trials=40)
    played = play(Schedule(("a", "b"), seed=5), budget, {})
    firsts = Counter(played[at] for at in range(0, 80, 2))
    assert 8 <= firsts["a"] <= 32
    assert played != play(Schedule(("a", "b"), seed=6), budget, {})


def test_the_first_limit_that_is_reached_ends_an_arm() -> None:
    budget = EqualBudget(trials=10, wall_s=35)
    assert Counter(play(Schedule(("a", "b")), budget, {"a": 10, "b": 1})) == {"a": 4, "b": 10}


@pytest.mark.parametrize("limit", [0, -1.0, float("nan")])
def test_a_limit_of_nothing_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="more than zero"):
        EqualBudget(device_s=limit)


def test_blocks_of_the_final_re_measurement_have_each_entry_once_and_always_the_same_order() -> (
    None
):
    entries = ["baseline", "codex", "tune"]
    blocks = [order_of_block(entries, block=block, seed=3) for block in range(60)]
    assert all(sorted(block) == sorted(entries) for block in blocks)
    assert len({tuple(block) for block in blocks}) == 6
    assert blocks[7] == order_of_block(entries, block=7, seed=3)


def test_in_sequence_one_arm_follows_the_other() -> None:
    schedule = Schedule(("b", "a"), Order.SEQUENTIAL)
    assert play(schedule, EqualBudget(trials=3), {}) == ["b"] * 3 + ["a"] * 3


def test_without_a_limit_arms_alternate_for_ever() -> None:
    used: dict[str, Used] = {}
    for _ in range(10):
        arm = next_turn(Schedule(("a", "b")), used, EqualBudget())
        assert arm is not None
        used = take(used, Turn(arm))
    assert {arm: each.turns for arm, each in used.items()} == {"a": 5, "b": 5}


@given(count=st.integers(1, 4), devices=st.integers(1, 4), rounds=st.integers(1, 12))
def test_in_parallel_arms_rotate_over_the_devices(count: int, devices: int, rounds: int) -> None:
    schedule = Schedule(ARMS[:count], Order.PARALLEL, devices=devices)
    used: dict[str, Used] = {}
    for _ in range(rounds):
        turns = next_turns(schedule, used, EqualBudget(trials=MANY))
        assert len(turns) == min(count, devices)
        assert (
            len({turn.device for turn in turns}) == len({turn.arm for turn in turns}) == len(turns)
        )
        for turn in turns:
            used = take(used, turn)
    turns_taken = [used.get(arm, Used()).turns for arm in schedule.arms]
    assert max(turns_taken) - min(turns_taken) <= 1
    if count == devices:
        for each in used.values():
            on_devices = [*each.on_devices, *[0] * (devices - len(each.on_devices))]
            assert max(on_devices) - min(on_devices) <= 1


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=2))
def test_in_parallel_what_was_one_sided_becomes_even(before: list[tuple[int, int]]) -> None:
    """Turns that came to no measurement leave arms with unequal counts."""
    schedule = Schedule(("a", "b"), Order.PARALLEL, devices=2)
    used = {
        arm: Used(turns=sum(counts), on_devices=counts)
        for arm, counts in zip(schedule.arms, before, strict=True)
    }
    for _ in range(8):
        for turn in next_turns(schedule, used, EqualBudget()):
            used = take(used, turn)
    apart = [each.on_devices[0] - each.on_devices[1] for each in used.values()]
    always = abs(sum(apart))  # whoever leaves a device leaves it to the other
    assert sum(map(abs, apart)) <= always + 2


def test_in_parallel_the_most_one_sided_arm_chooses_first() -> None:
    schedule = Schedule(("a", "b"), Order.PARALLEL, devices=2)
    used = {"a": Used(turns=2, on_devices=(1, 1)), "b": Used(turns=2, on_devices=(2, 0))}
    assert next_turns(schedule, used, EqualBudget()) == (Turn("a", 0), Turn("b", 1))


def test_in_parallel_an_arm_that_is_done_leaves_its_device_to_others() -> None:
    schedule = Schedule(("a", "b", "c"), Order.PARALLEL, devices=2)
    used = {"a": Used(turns=5, trials=5), "b": Used(turns=2, trials=2)}
    turns = next_turns(schedule, used, EqualBudget(trials=5))
    assert {turn.arm for turn in turns} == {"b", "c"}
