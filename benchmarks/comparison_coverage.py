"""Do the intervals of a comparison cover the truth, and does an arm differ from itself?

Three simulations, all judged by the package's own functions:

1. *Results*: two arms' results and the baseline, measured again in blocks of random order, with
   noise of several kinds while the machine drifts. The difference, which is known here, is to lie
   in the interval of 95 %, and where there is none, none may be told.
2. *Schedules*: the same runs one arm after the other, beside interleaved.
3. *Researchers*: whole nights with a gate, noise and luck, several of each researcher.

What is marked with a star has no bar: it shows where a method ends, or why it was not taken. Run:
``python benchmarks/comparison_coverage.py``; ``--quick`` for a smoke run.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean, median
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from overnight.compare.blocks import contrast
from overnight.compare.nights import between_nights
from overnight.compare.records import ArmRecord, Contest, Rerun
from overnight.compare.telling import Contrast, of_two
from overnight.types import Goal

LOW, HIGH, MOST_FALSE = 0.93, 0.97, 0.05
ARMS = 3  # one, other, and the baseline
BLOCKS = (3, 5, 10)
DIFFERENCES = (0.0, 0.5, 3.0)
GOAL = Goal.MAXIMIZE
RESAMPLES = 999
Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Random: TypeAlias = np.random.Generator
Clock: TypeAlias = Callable[[Random, Floats, int], Floats]


def still(_rng: Random, places: Floats, _count: int) -> Floats:
    """A machine that stays as it is: what it takes from runs at these places in time."""
    return np.zeros_like(places)


def linear(_rng: Random, places: Floats, _count: int) -> Floats:
    """One that gets worse by 0.3 with each run."""
    return 0.3 * places


def step(rng: Random, places: Floats, count: int) -> Floats:
    """One that gets worse by 3 at once, some time."""
    at = rng.uniform(0, count, len(places)).reshape(-1, *[1] * (places.ndim - 1))
    return 3.0 * (places >= at)


def steep(_rng: Random, places: Floats, _count: int) -> Floats:
    """One that gets worse by 2 with each run."""
    return 2.0 * places


DRIFTS: Mapping[str, Clock] = {"none": still, "linear": linear, "step": step}


@dataclass(frozen=True)
class Noise:
    """Noise of single runs.

    Attributes:
        sd: Of one arm, the other, and the baseline.
        freedom: Of Student's t for heavier tails; infinite for the normal distribution.
    """

    sd: tuple[float, float, float]
    freedom: float = math.inf

    def draw(self, rng: Random, shape: tuple[int, ...]) -> Floats:
        """Of any shape that ends with the arms."""
        raw: Floats = rng.standard_normal(shape)
        if math.isfinite(self.freedom):
            raw = rng.standard_t(self.freedom, shape)
            raw /= math.sqrt(self.freedom / (self.freedom - 2))
        scaled: Floats = raw * np.array(self.sd)
        return scaled


NOISES: Mapping[str, Noise] = {
    "1": Noise((1.0, 1.0, 1.0)),
    "2": Noise((2.0, 2.0, 2.0)),
    "5": Noise((5.0, 5.0, 5.0)),
    "1, heavy tails": Noise((1.0, 1.0, 1.0), freedom=5),
    "3 and 1": Noise((3.0, 1.0, 0.3)),
}


@dataclass(frozen=True)
class Tally:
    """What many comparisons came to.

    Attributes:
        covered: How often the truth lies in the interval.
        told: How often a difference was told.
        reach: Half an interval, median.
        error: Root mean square of what the difference is off by.
    """

    covered: float
    told: float
    reach: float
    error: float


def tally(found: Iterable[Contrast | None], truth: float) -> Tally:
    """Judge comparisons of which the truth is known."""
    known = [each for each in found if each is not None]
    intervals = [each.interval() for each in known]
    return Tally(
        covered=fmean(each.low <= truth <= each.high for each in intervals),
        told=fmean(each.is_told() for each in known),
        reach=median((each.high - each.low) / 2 for each in intervals),
        error=math.sqrt(fmean((each.value - truth) ** 2 for each in known)),
    )


@dataclass(frozen=True)
class Case:
    """One situation, simulated many times."""

    noise: Noise
    drift: Clock
    blocks: int
    count: int

    def interleaved(self, rng: Random, truth: float) -> Floats:
        """Each arm once in each block, in random order: comparisons by blocks by arms."""
        shape = (self.count, self.blocks, ARMS)
        order = np.argsort(rng.random(shape), axis=2)
        places = (np.arange(self.blocks)[None, :, None] * ARMS + order).astype(float)
        values: Floats = self.noise.draw(rng, shape) + np.array([truth, 0.0, 0.0])
        values -= self.drift(rng, places, self.blocks * ARMS)
        return values

    def sequential(self, rng: Random) -> Floats:
        """All runs of one arm, then all of the other: comparisons by arms by runs."""
        runs = self.blocks
        values = self.noise.draw(rng, (self.count, runs, ARMS))[:, :, :2].transpose(0, 2, 1)
        places = np.broadcast_to(np.arange(2.0 * runs), (self.count, 2 * runs))
        taken = self.drift(rng, places, 2 * runs).reshape(self.count, 2, runs)
        left: Floats = values - taken
        return left


def contrasts(values: Floats) -> list[Contrast | None]:
    """What the package makes of interleaved values."""
    return [
        contrast(GOAL, *([Rerun(b, block[arm]) for b, block in enumerate(one)] for arm in (0, 1)))
        for one in values.tolist()
    ]


def bootstrap_covers(rng: Random, values: Floats) -> float:
    """How often the percentile bootstrap of the blocks' differences covers a truth of none."""
    differences = (values[:, :, 0] - values[:, :, 1])[: max(1, len(values) // 4)]
    count, blocks = differences.shape
    drawn = rng.integers(0, blocks, (RESAMPLES, blocks))
    means = differences[:, drawn].mean(axis=2)
    low, high = np.quantile(means, [0.025, 0.975], axis=1)
    return float(((low <= 0) & (high >= 0)).sum() / count)


def pooled_covers(values: Floats) -> float:
    """How often the t interval with the noise of all three arms pooled covers a truth of none."""
    rest = values - values.mean(axis=2, keepdims=True) - values.mean(axis=1, keepdims=True)
    rest += values.mean(axis=(1, 2), keepdims=True)
    blocks = values.shape[1]
    freedom = (blocks - 1) * (ARMS - 1)
    error = np.sqrt((rest**2).sum(axis=(1, 2)) / freedom * 2 / blocks)
    value = (values[:, :, 0] - values[:, :, 1]).mean(axis=1)
    return float(np.mean(np.abs(value) <= stdtrit(freedom, 0.975) * error))


def results_table(count: int, seed: int) -> str:
    """Two results measured again."""
    cases = [
        (noise, drift, blocks, True) for noise in NOISES for drift in DRIFTS for blocks in BLOCKS
    ] + [("1", "steep*", blocks, False) for blocks in BLOCKS]
    rows = []
    for place, (noise, drift, blocks, bar) in enumerate(cases):
        rng = np.random.default_rng([seed, 1, place])
        case = Case(NOISES[noise], DRIFTS.get(drift, steep), blocks, count)
        drawn = [case.interleaved(rng, truth) for truth in DIFFERENCES]
        found = [
            tally(contrasts(values), truth)
            for values, truth in zip(drawn, DIFFERENCES, strict=True)
        ]
        covered = [percent(each.covered, low=LOW, high=HIGH, bar=bar) for each in found]
        false = percent(found[0].told, high=MOST_FALSE, bar=bar)
        reach = f"{found[0].reach:.2f}"
        boot = percent(bootstrap_covers(rng, drawn[0]), bar=False)
        pooled = percent(pooled_covers(drawn[0]), bar=False)
        rows.append([noise, drift, str(blocks), *covered, false, reach, boot, pooled])
    head = (
        *("noise", "drift", "blocks"),
        *(f"covered, difference {each:g}" for each in DIFFERENCES),
        *("told where there is none", "half an interval", "percentile bootstrap* covers"),
        "noise pooled over arms* covers",
    )
    return table(head, rows)


def schedules_table(count: int, seed: int) -> str:
    """One arm after the other beside interleaved, for one arm against itself."""
    rows: list[list[str]] = []
    for drift in DRIFTS:
        for blocks in BLOCKS:
            rng = np.random.default_rng([seed, 2, len(rows)])
            case = Case(NOISES["1"], DRIFTS[drift], blocks, count)
            after = [of_two(*pair) for pair in case.sequential(rng).tolist()]
            mixed = contrasts(case.interleaved(rng, 0.0))
            for order, found, bar in (
                ("sequential*", tally(after, 0.0), False),
                ("interleaved", tally(mixed, 0.0), True),
            ):
                covered = percent(found.covered, low=LOW, high=HIGH, bar=bar)
                false = percent(found.told, high=MOST_FALSE, bar=bar)
                rows.append([drift, str(blocks), order, covered, false, f"{found.error:.2f}"])
    head = ("drift", "runs of each", "schedule", "covered", "told where there is none", "off by")
    return table(head, rows)


@dataclass(frozen=True)
class Researcher:
    """Somebody whose ideas sometimes help.

    Attributes:
        good: The share of ideas that help.
        size: Mean gain of those that do, in standard deviations of a run.
    """

    good: float
    size: float = 1.0

    def nights(self, rng: Random, count: int, *, trials: int = 40) -> Floats:
        """True gains of so many nights: kept is what measures better than the incumbent did."""
        true, recorded = np.zeros(count), rng.standard_normal(count)
        for _ in range(trials):
            helps = rng.random(count) < self.good
            effect = np.where(helps, rng.exponential(self.size, count), -0.5)
            seen = true + effect + rng.standard_normal(count)
            kept = seen > recorded
            true, recorded = np.where(kept, true + effect, true), np.where(kept, seen, recorded)
        return true


@cache
def worth(researcher: Researcher) -> float:
    """What a night of a researcher comes to in the long run."""
    return float(researcher.nights(np.random.default_rng(1), 500_000).mean())


STEADY, BETTER, LUCKY = Researcher(0.25), Researcher(0.4), Researcher(0.1)
MATCHES = {
    "steady, itself": (STEADY, STEADY),
    "steady, a better one": (BETTER, STEADY),
    "rarely lucky, itself": (LUCKY, LUCKY),
}


def researchers_table(count: int, seed: int) -> str:
    """Nights of researchers."""
    cases = [(match, nights, 0) for match in MATCHES for nights in (2, 3, 5)]
    cases += [(match, 1, more) for match in MATCHES for more in (3, 5)]
    rows = []
    for place, (match, nights, more) in enumerate(cases):
        rng = np.random.default_rng([seed, 3, place])
        one, other = MATCHES[match]
        truth = worth(one) - worth(other)
        contests = [_contest(one, other, rng, nights=nights, more=more) for _ in range(count)]
        judged = [between_nights(each, each.arms[0], each.arms[1]) for each in contests]
        found = tally(judged, truth)
        results = [contrast(GOAL, c.arms[0].reruns, c.arms[1].reruns) for c in contests]
        star = "*" if nights == 1 else ""
        rows.append(
            [
                match,
                f"1, and {more} more of the second{star}" if more else str(nights),
                percent(found.covered, low=LOW, bar=not star),
                percent(found.told, high=1.0 if truth else MOST_FALSE),
                f"{found.reach:.1f}",
                percent(tally(results, truth).told, bar=False),
            ]
        )
    head = (
        *("researcher, against", "nights of each", "covered", "researchers told apart"),
        *("half an interval", "their results told apart"),
    )
    return table(head, rows)


def _contest(one: Researcher, other: Researcher, rng: Random, *, nights: int, more: int) -> Contest:
    """Nights of two researchers, measured again in five blocks; more of one say what chance is."""
    effects = rng.standard_normal(5)  # of the blocks
    groups = [one.nights(rng, nights), other.nights(rng, nights), other.nights(rng, more)]
    *reruns, baseline = (_measured(rng, each, effects) for each in [*groups, np.zeros(1)])
    first, second, again = (ArmRecord(f"{at}", reruns=each) for at, each in enumerate(reruns))
    return Contest("score", GOAL, (first, second), baseline, (again,) if more else ())


def _measured(rng: Random, nights: Floats, effects: Floats) -> tuple[Rerun, ...]:
    values = nights[:, None] + effects + rng.standard_normal((len(nights), len(effects)))
    return tuple(
        Rerun(block, value, repeat=night)
        for night, blocks in enumerate(values.tolist(), 1)
        for block, value in enumerate(blocks)
    )


def percent(share: float, *, low: float = 0.0, high: float = 1.0, bar: bool = True) -> str:
    """A share, and whether it is where it must be."""
    missed = bar and not low <= share <= high
    return f"{100 * share:.1f} %" + (" MISSED" if missed else "")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    lines: list[Sequence[str]] = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def report(count: int, seed: int) -> Iterator[str]:
    """All of it, part by part."""
    yield (
        f"{count} comparisons in each case, seed {seed}. Bars: intervals of 95 % cover in {LOW:.0%}"
        f" to {HIGH:.0%}\n(of researchers: in {LOW:.0%} or more); where there is no difference, one"
        f" is told in {MOST_FALSE:.0%} at most.\n"
    )
    yield f"### Two results, measured again\n\n{results_table(count, seed)}\n"
    yield f"### Schedules, one arm against itself\n\n{schedules_table(count, seed)}\n"
    yield f"### Researchers, over nights\n\n{researchers_table(count, seed)}"


def main() -> None:
    """Print the tables; the exit status is 1 when a bar was missed in a full run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--comparisons", type=int, default=4_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="40 each; the figures mean little")
    arguments = parser.parse_args()
    missed = False
    for part in report(40 if arguments.quick else arguments.comparisons, arguments.seed):
        print(part, flush=True)
        missed |= "MISSED" in part
    sys.exit(1 if missed and not arguments.quick else 0)


if __name__ == "__main__":
    main()
