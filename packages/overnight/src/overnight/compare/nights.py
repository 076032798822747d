"""What nights of researchers come to, and how far nights of the same researcher differ.

A difference between two results says how two commits differ. Which researcher to leave running is
another question: their nights differ from each other too, and only repeats show by how much.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from overnight.compare.blocks import by_block, gains
from overnight.compare.records import ArmRecord, Contest, Rerun
from overnight.compare.telling import Contrast, of_two
from overnight.stats import pooled_noise
from overnight.types import Goal


@dataclass(frozen=True, slots=True)
class Chance:
    """How far two nights of one researcher differ.

    Attributes:
        seen: The largest difference between two nights of one setup, in the metric's unit.
        reach: What two further nights of one differ by at most, 95 times in 100.
        sd: Standard deviation of a night.
        nights: Nights of researchers that had more than one.
        freedom: Degrees of freedom behind it.
        setups: Whose nights they were.
    """

    seen: float
    reach: float
    sd: float
    nights: int
    freedom: int
    setups: tuple[str, ...]


def outcomes(goal: Goal, arm: ArmRecord, baseline: Sequence[Rerun]) -> list[float]:
    """What each night of an arm came to when it was measured again, one value a night.

    It is the gain over the baseline in the same blocks, or the value itself, so that more is
    better, where there is no baseline.
    """
    found = []
    for repeat in arm.repeats:
        reruns = [rerun for rerun in arm.reruns if rerun.repeat == repeat]
        if baseline:
            values = gains(goal, reruns, baseline)
        else:
            values = [goal.gain(old=0.0, new=value) for value in by_block(reruns).values()]
        if values:
            found.append(fmean(values))
    return found


def by_setup(contest: Contest) -> Mapping[str, list[float]]:
    """The outcomes of all nights of each setup."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for arm in (*contest.arms, *contest.calibration):
        found[setup_of(arm)] += outcomes(contest.goal, arm, contest.baseline)
    return found


def setup_of(arm: ArmRecord) -> str:
    """What works in an arm; its own name where it is like no other."""
    return arm.setup or arm.name


def chance(contest: Contest) -> Chance | None:
    """How far two nights of one researcher differ here; None where none had two nights."""
    repeated = {setup: values for setup, values in by_setup(contest).items() if len(values) > 1}
    noise = pooled_noise(repeated.values())
    if not noise.is_known:
        return None
    two_nights = Contrast(0.0, noise.sd * math.sqrt(2), noise.freedom, 1)
    return Chance(
        seen=max(max(values) - min(values) for values in repeated.values()),
        reach=two_nights.interval().high,
        sd=noise.sd,
        nights=sum(map(len, repeated.values())),
        freedom=noise.freedom,
        setups=tuple(sorted(repeated)),
    )


def between_nights(contest: Contest, one: ArmRecord, other: ArmRecord) -> Contrast | None:
    """How much better one researcher's nights are than another's.

    By their own nights where each has two or more; else by how far nights of whoever had several
    differ. With an error that is not known where nobody had.
    """
    mine = outcomes(contest.goal, one, contest.baseline)
    theirs = outcomes(contest.goal, other, contest.baseline)
    difference = of_two(mine, theirs)
    if difference is None or difference.freedom:
        return difference
    noise = pooled_noise(by_setup(contest).values())
    if not noise.is_known:
        return difference
    error = noise.sd * math.sqrt(1 / len(mine) + 1 / len(theirs))
    return Contrast(difference.value, error, noise.freedom, difference.count)
