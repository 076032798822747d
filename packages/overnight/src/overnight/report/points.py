"""What the progress picture shows, as numbers: no drawing here."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median, quantiles

from overnight.brief import one_line
from overnight.report.rows import JUDGED_BY_VALUE, TrialRow
from overnight.types import Goal, Verdict

_TITLE_CHARACTERS = 30


class Kind(StrEnum):
    """How the picture tells trials apart."""

    KEPT = "kept"
    DEMOTED = "demoted"
    DISCARDED = "discarded"
    FAILED = "failed"
    REFUSED = "refused"


_KINDS: Mapping[Verdict, Kind] = {
    Verdict.KEEP: Kind.KEPT,
    Verdict.DISCARD: Kind.DISCARDED,
    Verdict.VIOLATION: Kind.FAILED,
    Verdict.CRASH: Kind.FAILED,
    Verdict.TIMEOUT: Kind.FAILED,
    Verdict.OUT_OF_MEMORY: Kind.FAILED,
    Verdict.TOO_MANY_PROCESSES: Kind.FAILED,
    Verdict.OUT_OF_DISK: Kind.FAILED,
    Verdict.NO_METRIC: Kind.FAILED,
    Verdict.TAMPERED: Kind.FAILED,
    Verdict.OUT_OF_SCOPE: Kind.REFUSED,
    Verdict.DUPLICATE: Kind.REFUSED,
}


@dataclass(frozen=True, slots=True)
class Point:
    """One trial of the picture; its value is None where there is none to be trusted."""

    number: int
    kind: Kind
    value: float | None
    gain: float
    minutes: float
    title: str


@dataclass(frozen=True, slots=True)
class Step(Point):
    """A kept trial, which the running best goes through; the first is the baseline."""

    value: float


@dataclass(frozen=True, slots=True)
class Range:
    """The part of the value axis that is shown."""

    low: float
    high: float

    def clip(self, value: float) -> float:
        """The nearest value that is shown."""
        return min(max(value, self.low), self.high)


def points_of(rows: Sequence[TrialRow]) -> list[Point]:
    """The finished trials that say something of an idea, in the order of their numbers."""
    return [point for row in rows if (point := _point(row)) is not None]


def kept(points: Sequence[Point]) -> list[Step]:
    """The kept trials."""
    return [point for point in points if isinstance(point, Step)]


def counts(points: Sequence[Point]) -> Counter[Kind]:
    """How many ideas ended in each way, the baseline left out."""
    return Counter(point.kind for point in points if point.number > 0)


def shown_range(points: Sequence[Point], goal: Goal) -> Range:
    """The values to show: all kept ones, and as many others as do not flatten those.

    Of what is worse than every kept value, the upper part is cut off where Tukey's fence lies
    or where it would take more than about half of the picture, but never more than half of it.
    """
    sign = 1.0 if goal is Goal.MINIMIZE else -1.0
    losses = sorted(sign * point.value for point in points if point.value is not None)
    core = [sign * step.value for step in kept(points)] or losses
    if not losses:
        return Range(0.0, 1.0)
    best, worst = min(core), max(core)
    upper = max(worst, _worst_shown(losses, best=best, worst=worst))
    lower = max(losses[0], best - 0.25 * (upper - best))
    pad = 0.07 * (upper - lower) or 0.05 * abs(upper) or 1.0
    ends = sign * (lower - 1.5 * pad), sign * (upper + pad)
    return Range(min(ends), max(ends))


def _point(row: TrialRow) -> Point | None:
    if row["verdict"] is None or row["finished_at"] is None:
        return None
    verdict, value = Verdict(row["verdict"]), row["value"]
    kind = _KINDS.get(verdict)
    if kind is None:
        return None
    if row["demoted_after"] is not None:
        kind = Kind.DEMOTED
    gain, minutes = row["gain"] or 0.0, row["work_minutes"] or 0.0
    title = one_line(row["title"], most_characters=_TITLE_CHARACTERS)
    if kind is Kind.KEPT and value is not None:
        return Step(row["number"], kind, value, gain, minutes, title)
    trusted = value if verdict in JUDGED_BY_VALUE else None
    return Point(row["number"], kind, trusted, gain, minutes, title)


def _worst_shown(losses: Sequence[float], *, best: float, worst: float) -> float:
    worse = [loss for loss in losses if loss > worst]
    if not worse:
        return worst
    fence = losses[-1]
    if len(losses) >= 4:
        first, _, third = quantiles(losses, n=4)
        fence = third + 1.5 * (third - first)
    fair = max(worst + 1.2 * (worst - best), median(worse))
    return max([worst, *(loss for loss in worse if loss <= min(fence, fair))])
