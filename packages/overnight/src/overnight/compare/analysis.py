"""A whole comparison: the record of all arms in, everything that can be said of it out."""

from collections.abc import Mapping
from dataclasses import dataclass

from overnight.compare.arms import ArmSummary, summarise
from overnight.compare.between import Pair, pairs
from overnight.compare.curves import Curve, curves
from overnight.compare.devices import DeviceSummary, devices
from overnight.compare.discovery import Find, finds
from overnight.compare.nights import Chance, chance
from overnight.compare.records import ArmRecord, Contest, Pricing
from overnight.types import Goal


@dataclass(frozen=True, slots=True)
class Starts:
    """What the unchanged start measured when nights began, where that was more than once.

    Attributes:
        gap: How far apart the values are: what no change at all is worth here.
        smaller: By arm, how many recorded gains of standing keeps are no larger, and of how many.
    """

    gap: float
    smaller: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a contest came to.

    Attributes:
        chance: How far nights of one researcher differ; None where none had several.
        starts: None where all nights began from one measurement of the baseline.
        finds: What was found, by several arms first.
        failed_baselines: Runs of the re-measured baseline that gave no value.
        prices: Where the money comes from.
        devices: What arms ran on.
    """

    metric: str
    goal: Goal
    arms: tuple[ArmSummary, ...]
    pairs: tuple[Pair, ...]
    chance: Chance | None
    starts: Starts | None
    finds: tuple[Find, ...]
    curves: tuple[Curve, ...]
    failed_baselines: int
    prices: tuple[Pricing, ...]
    devices: tuple[DeviceSummary, ...]


def analyse(contest: Contest) -> Comparison:
    """Everything that can be said of a contest.

    Raises:
        ValueError: Two arms have the same name.
    """
    names = [arm.name for arm in contest.arms]
    if len(set(names)) < len(names):
        raise ValueError("two arms have the same name")
    arms = tuple(summarise(contest, arm) for arm in contest.arms)
    return Comparison(
        metric=contest.metric,
        goal=contest.goal,
        arms=arms,
        pairs=tuple(pairs(contest, [arm.recorded.gain for arm in arms])),
        chance=chance(contest),
        starts=_starts(contest.arms),
        finds=tuple(finds(contest.arms)),
        curves=tuple(curves(contest)),
        failed_baselines=sum(rerun.value is None for rerun in contest.baseline),
        prices=contest.prices,
        devices=tuple(devices(contest)),
    )


def _starts(arms: tuple[ArmRecord, ...]) -> Starts | None:
    values = {value for arm in arms for value in arm.starts.values()}
    if len(values) < 2:
        return None
    gap = max(values) - min(values)
    smaller = {}
    for arm in arms:
        gains = [trial.gain for trial in arm.trials if trial.kept and trial.gain is not None]
        smaller[arm.name] = sum(gain <= gap for gain in gains), len(gains)
    return Starts(gap, smaller)
