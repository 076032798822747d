"""The final re-measurement: results and baseline once in each block, in random order.

Differences are taken within blocks, so that what moves between blocks, be it the machine or the
seed, moves neither side against the other.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from overnight.compare.records import Rerun
from overnight.compare.telling import Contrast, of_repeats
from overnight.types import Goal


def contrast(goal: Goal, one: Sequence[Rerun], other: Sequence[Rerun]) -> Contrast | None:
    """How much better one side measured than another; None where no block has both.

    With several nights on a side, the mean of them that a block has counts.
    """
    return of_repeats(gains(goal, one, other))


def gains(goal: Goal, one: Iterable[Rerun], other: Iterable[Rerun]) -> list[float]:
    """How much better one side was in each block that has both."""
    mine, theirs = by_block(one), by_block(other)
    return [goal.gain(old=theirs[block], new=mine[block]) for block in sorted(mine.keys() & theirs)]


def by_block(reruns: Iterable[Rerun]) -> Mapping[int, float]:
    """The mean of the values that each block has; a block of failures has none."""
    found: defaultdict[int, list[float]] = defaultdict(list)
    for rerun in reruns:
        if rerun.value is not None:
            found[rerun.block].append(rerun.value)
    return {block: fmean(values) for block, values in found.items()}


def level(reruns: Iterable[Rerun]) -> Contrast | None:
    """The objective itself as measured again, with what moved between blocks in its error."""
    return of_repeats([value for _, value in sorted(by_block(reruns).items())])
