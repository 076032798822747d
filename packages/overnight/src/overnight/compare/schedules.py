"""Whose turn is next: a function of what each arm has used up and of nothing else.

So a stopped comparison goes on as if nothing had happened.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TypeVar

LEAST_SHARE = 1 / 8
"""A turn counts as at least this part of a block, so that an arm that uses next to nothing of what
the budget counts neither holds up the others nor goes on for ever."""


_Entry = TypeVar("_Entry")


class Order(StrEnum):
    """How arms share devices and time.

    `INTERLEAVED`: turns alternate in random blocks, so that the machine's drift hits all alike.
    `SEQUENTIAL`: one arm after another. `PARALLEL`: at the same time, one device each, rotated.
    """

    INTERLEAVED = "interleaved"
    SEQUENTIAL = "sequential"
    PARALLEL = "parallel"


@dataclass(frozen=True, slots=True)
class Schedule:
    """How a comparison goes about its turns.

    Attributes:
        arms: Their names, each once.
        devices: How many there are; only `PARALLEL` uses more than the first.
    """

    arms: tuple[str, ...]
    order: Order = Order.INTERLEAVED
    seed: int = 0
    devices: int = 1


@dataclass(frozen=True, slots=True)
class EqualBudget:
    """What every arm may use up; None where there is no limit. The first limit reached counts.

    The last turn may go beyond it.

    Raises:
        ValueError: A limit is not more than zero.
    """

    device_s: float | None = None
    wall_s: float | None = None
    trials: int | None = None
    agent_tokens: int | None = None
    money_usd: float | None = None

    def __post_init__(self) -> None:
        limits = [getattr(self, field.name) for field in fields(self)]
        if any(limit is not None and not limit > 0 for limit in limits):
            raise ValueError("a limit must be more than zero")


@dataclass(frozen=True, slots=True)
class Used:
    """What an arm has used up.

    Attributes:
        turns: All of them, those without a proposal included.
        wall_s: Of its own turns.
        trials: Turns with a proposal.
        money_usd: As far as it is known.
        on_devices: Turns by device, where that is of interest.
    """

    turns: int = 0
    device_s: float = 0.0
    wall_s: float = 0.0
    trials: int = 0
    agent_tokens: int = 0
    money_usd: float = 0.0
    on_devices: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """One arm's turn on one device, counted from 0."""

    arm: str
    device: int = 0


def next_turn(schedule: Schedule, used: Mapping[str, Used], budget: EqualBudget) -> str | None:
    """The arm whose turn is next on one device; None when every arm has used up its budget.

    Args:
        used: By arm; an arm that is absent has had no turn.
    """
    turns = next_turns(schedule, used, budget)
    return turns[0].arm if turns else None


def next_turns(
    schedule: Schedule, used: Mapping[str, Used], budget: EqualBudget
) -> tuple[Turn, ...]:
    """The turns to take next, all at once; no more than one but for `PARALLEL`.

    In parallel, the next ones are asked for when all of these are over: that is what lets devices
    rotate, and costs the difference of two turns at most.
    """
    standing = _standing(schedule, used, budget)
    if schedule.order is Order.SEQUENTIAL:
        return tuple(Turn(arm) for arm in list(standing)[:1])
    queue = _queue(schedule, standing)
    if schedule.order is Order.INTERLEAVED:
        return tuple(Turn(arm) for arm in queue[:1])
    return tuple(_on_devices(schedule, queue[: schedule.devices], used))


def order_of_block(entries: Sequence[_Entry], *, block: int, seed: int) -> list[_Entry]:
    """The random order of one block, always the same; also for the final re-measurement."""
    order = list(entries)
    random.Random(f"{seed}/{block}").shuffle(order)
    return order


def _standing(
    schedule: Schedule, used: Mapping[str, Used], budget: EqualBudget
) -> Mapping[str, int]:
    """Arms with budget left, in their own order, each with the number of blocks it has done.

    A block is as long as the mean turn of the arm whose turns are the dearest, so that an arm with
    cheap turns has several of them in a block.
    """
    found = {arm: used.get(arm, Used()) for arm in schedule.arms}
    shares = {arm: _share(each, budget) for arm, each in found.items()}
    block = max((shares[arm] / each.turns for arm, each in found.items() if each.turns), default=0)
    if not block:
        return {arm: each.turns for arm, each in found.items()}
    counted = {
        arm: max(shares[arm] / block, each.turns * LEAST_SHARE) for arm, each in found.items()
    }
    return {
        arm: math.floor(blocks + 0.5)
        for arm, blocks in counted.items()
        if max(shares[arm], blocks * block) < 1 - 1e-9
    }


def _share(used: Used, budget: EqualBudget) -> float:
    """The part of the budget that is used up, by the limit that is nearest."""
    limits = ((field.name, getattr(budget, field.name)) for field in fields(EqualBudget))
    return max(
        (getattr(used, name) / limit for name, limit in limits if limit is not None), default=0.0
    )


def _queue(schedule: Schedule, standing: Mapping[str, int]) -> list[str]:
    """Arms by blocks done, those of one block in an order drawn for that block."""

    def place(arm: str) -> tuple[int, int]:
        block = standing[arm]
        return block, order_of_block(schedule.arms, block=block, seed=schedule.seed).index(arm)

    return sorted(standing, key=place)


def _on_devices(schedule: Schedule, arms: Sequence[str], used: Mapping[str, Used]) -> list[Turn]:
    """Each arm on the free device that it has been on least; the most one-sided arm chooses first.

    Where it has been on all alike, devices follow each other, arm by arm and turn by turn.
    """
    free = set(range(schedule.devices))
    before = {arm: _on_each(used.get(arm, Used()), schedule.devices) for arm in arms}
    turns = []

    def choice(arm: str) -> tuple[int, int]:
        return min(before[arm]) - max(before[arm]), schedule.arms.index(arm)

    for arm in sorted(arms, key=choice):
        usual = schedule.arms.index(arm) + used.get(arm, Used()).turns
        device = min(free, key=lambda each: (before[arm][each], (each - usual) % schedule.devices))
        free.remove(device)
        turns.append(Turn(arm, device))
    return sorted(turns, key=lambda turn: schedule.arms.index(turn.arm))


def _on_each(used: Used, devices: int) -> list[int]:
    """Turns by device, zeros included."""
    return [*used.on_devices, *[0] * (devices - len(used.on_devices))]
