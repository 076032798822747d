"""Two arms: by how much their results differ, and by how much their researchers do."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from overnight.compare import blocks, nights
from overnight.compare.records import ArmRecord, Contest
from overnight.compare.telling import Contrast


@dataclass(frozen=True, slots=True)
class Pair:
    """How much better one arm is than another; negative where it is worse.

    Attributes:
        same: Whether the same setup works in both, so that there is nothing to tell.
        results: Of what was measured again: how the two commits differ. None without.
        researchers: Of the nights, with what nights of one researcher differ by: what says which
            one to leave running.
        comparisons: How many pairs of different setups the comparison has.
        recorded: Difference of the gains that the arms' own records claim.
    """

    one: str
    other: str
    same: bool
    results: Contrast | None
    researchers: Contrast | None
    comparisons: int
    recorded: float | None

    @property
    def told_results(self) -> bool:
        """Whether the results can be told apart."""
        return self.results is not None and self.results.is_told(self.comparisons)

    @property
    def told_researchers(self) -> bool:
        """Whether the researchers can be told apart."""
        return self.researchers is not None and self.researchers.is_told(self.comparisons)


def pairs(contest: Contest, gains: Sequence[float | None]) -> list[Pair]:
    """Every two arms.

    Args:
        gains: What each arm's own record claims.
    """
    arms = contest.arms
    found = list(combinations(range(len(arms)), 2))
    different = sum(not _same(arms[one], arms[other]) for one, other in found)
    return [
        _pair(
            contest,
            arms[one],
            arms[other],
            comparisons=max(different, 1),
            recorded=_less(gains[one], gains[other]),
        )
        for one, other in found
    ]


def _pair(
    contest: Contest,
    one: ArmRecord,
    other: ArmRecord,
    *,
    comparisons: int,
    recorded: float | None,
) -> Pair:
    return Pair(
        one=one.name,
        other=other.name,
        same=_same(one, other),
        results=blocks.contrast(contest.goal, one.reruns, other.reruns),
        researchers=nights.between_nights(contest, one, other),
        comparisons=comparisons,
        recorded=recorded,
    )


def _same(one: ArmRecord, other: ArmRecord) -> bool:
    return nights.setup_of(one) == nights.setup_of(other)


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other
