"""What each kept change is worth, from measuring a chain again: values in, values out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from statistics import fmean

from overnight.stats import Estimate, Noise, estimate, pooled_noise
from overnight.types import Goal, JsonValue


class Told(StrEnum):
    """What an interval says of a gain."""

    HELPS = "helps"
    HURTS = "hurts"
    NOISE = "not told from noise"
    UNMEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Remeasured:
    """One keep of a chain, measured again.

    Attributes:
        values: The objective at this keep.
        without: The objective of the incumbent with this change taken out; None where it cannot be
            taken out alone.
    """

    trial: int
    title: str
    values: Sequence[float]
    without: Sequence[float] | None = None


@dataclass(frozen=True, slots=True)
class Worth:
    """What a kept change is worth.

    Attributes:
        step: Its gain over the keep before it.
        part: What the incumbent would lose without it; None where it cannot be taken out alone.
        told: What the better of the two answers says: `part` where there is one, else `step`.
    """

    trial: int
    title: str
    step: Estimate | None
    part: Estimate | None
    told: Told

    def facts(self) -> dict[str, JsonValue]:
        """As JSON."""
        return {
            "trial": self.trial,
            "title": self.title,
            "step": _facts(self.step),
            "part": _facts(self.part),
            "told": str(self.told),
        }


def worths(
    goal: Goal,
    baseline: Sequence[float],
    chain: Sequence[Remeasured],
) -> list[Worth]:
    """What each keep of a chain is worth, oldest first, with the noise of all runs pooled.

    Args:
        baseline: The objective at the unmodified start.
        chain: Every keep after it, oldest first; the last one is the incumbent.
    """
    without = [keep.without for keep in chain if keep.without is not None]
    noise = pooled_noise([baseline, *(keep.values for keep in chain), *without])
    before = [baseline, *(keep.values for keep in chain[:-1])]
    incumbent = chain[-1].values if chain else ()
    return [
        _worth(goal, keep, before=old, incumbent=incumbent, noise=noise)
        for keep, old in zip(chain, before, strict=True)
    ]


def _worth(
    goal: Goal,
    keep: Remeasured,
    *,
    before: Sequence[float],
    incumbent: Sequence[float],
    noise: Noise,
) -> Worth:
    step = _gain(goal, before, keep.values, noise)
    is_newest = keep.values is incumbent
    part = step if is_newest else _gain(goal, keep.without or (), incumbent, noise)
    return Worth(keep.trial, keep.title, step, part, _told(part or step))


def _gain(goal: Goal, old: Sequence[float], new: Sequence[float], noise: Noise) -> Estimate | None:
    if not old or not new:
        return None
    value = goal.gain(old=fmean(old), new=fmean(new))
    return estimate(value, noise, variances=1 / len(old) + 1 / len(new))


def _told(gain: Estimate | None) -> Told:
    if gain is None:
        return Told.UNMEASURED
    if not gain.is_told_from_zero:
        return Told.NOISE
    return Told.HELPS if gain.value > 0 else Told.HURTS


def _facts(gain: Estimate | None) -> Mapping[str, JsonValue] | None:
    if gain is None:
        return None
    told = asdict(gain)
    return {name: value if math.isfinite(value) else None for name, value in told.items()}
