"""How far a difference can be told from none: Student's t, for few values."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from overnight.stats import CONFIDENCE, Estimate, pooled_noise

TOLD = 0.98
"""Probability from which on a difference counts as told. An interval of 95 % leaves zero out from
0.975 on; a little more is asked for, so that one researcher against itself stays below 5 %."""
POWER = 0.8
MOST_COUNT = 10_000


@dataclass(frozen=True, slots=True)
class Contrast:
    """A difference, and how well it is known.

    Attributes:
        value: In the metric's unit; positive where the first is better.
        error: Its standard error; infinite where nothing was repeated.
        freedom: Degrees of freedom behind the error; 0 where nothing was repeated.
        count: Blocks or nights behind it.
    """

    value: float
    error: float
    freedom: float
    count: int

    def interval(self, confidence: float = CONFIDENCE) -> Estimate:
        """The value with its two-sided interval."""
        if not self.freedom:
            return Estimate(self.value, -math.inf, math.inf)
        reach = _quantile(self.freedom, (1 + confidence) / 2) * self.error
        return Estimate(self.value, self.value - reach, self.value + reach)

    @property
    def probability(self) -> float | None:
        """How probable it is that the first is better, if nothing spoke for either before."""
        if not self.freedom:
            return None
        if not self.error:
            return 0.5 + math.copysign(0.5, self.value) if self.value else 0.5
        return _below(self.freedom, self.value / self.error)

    def is_told(self, comparisons: int = 1) -> bool:
        """Whether it can be told which is better; one block or one night tells nothing.

        Args:
            comparisons: How many differences are looked at together; with more of them, chance has
                more opportunities, so more is asked of each.
        """
        probability = self.probability
        if probability is None or self.count < 2:
            return False
        return max(probability, 1 - probability) >= needed_probability(comparisons)

    @property
    def needed(self) -> int | None:
        """Blocks or nights that would tell a difference of this size four times in five.

        None where that is not known or more than `MOST_COUNT`.
        """
        if not self.freedom or not self.value:
            return None
        spread = self.error * math.sqrt(self.count)
        if spread / abs(self.value) * _asked(MOST_COUNT) > math.sqrt(MOST_COUNT):
            return None
        low, high = 2, MOST_COUNT
        while low < high:
            middle = (low + high) // 2
            enough = spread * _asked(middle) <= abs(self.value) * math.sqrt(middle)
            low, high = (low, middle) if enough else (middle + 1, high)
        return low

    @property
    def smallest(self) -> float | None:
        """The smallest difference that this many blocks or nights tell four times in five."""
        if not self.freedom:
            return None
        return self.error * sum(_quantile(self.freedom, each) for each in (TOLD, POWER))


def needed_probability(comparisons: int) -> float:
    """What a probability must reach among this many differences (Bonferroni)."""
    return 1 - (1 - TOLD) / max(comparisons, 1)


def of_repeats(values: Sequence[float]) -> Contrast | None:
    """The mean of independent values; None where there is none.

    For the differences within blocks this is the paired t interval. `benchmarks/
    comparison_coverage.py` has it beside others: with 3 to 10 blocks the percentile bootstrap
    covers 75 to 91 %, and pooling the noise of all arms fails where they are not equally noisy.
    """
    if not values:
        return None
    noise = pooled_noise([values])
    error = noise.sd / math.sqrt(len(values)) if noise.is_known else math.inf
    return Contrast(fmean(values), error, noise.freedom, len(values))


def of_two(one: Sequence[float], other: Sequence[float]) -> Contrast | None:
    """The mean of one sample less that of another (Welch); None where either is empty.

    Only known where both have two values or more.
    """
    if not one or not other:
        return None
    parts = [pooled_noise([sample]).sd ** 2 / len(sample) for sample in (one, other)]
    value, count = fmean(one) - fmean(other), min(len(one), len(other))
    if count < 2:
        return Contrast(value, math.inf, 0, count)
    squares = sum(
        part**2 / (len(sample) - 1) for part, sample in zip(parts, (one, other), strict=True)
    )
    freedom = sum(parts) ** 2 / squares if squares else float(len(one) + len(other) - 2)
    return Contrast(value, math.sqrt(sum(parts)), freedom, count)


def _asked(count: int) -> float:
    """How many standard errors a difference must have to be told four times in five."""
    return sum(_quantile(count - 1, each) for each in (TOLD, POWER))


def _quantile(freedom: float, probability: float) -> float:
    from scipy.special import stdtrit  # noqa: PLC0415 (slow to import, needed here only)

    return float(stdtrit(freedom, probability))


def _below(freedom: float, value: float) -> float:
    from scipy.special import stdtr  # noqa: PLC0415 (slow to import, needed here only)

    return float(stdtr(freedom, value))
