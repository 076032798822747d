"""Statistics of repeated measurements: values in, values out."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Noise:
    """The spread of runs of the same commit, pooled over groups of repeats.

    Attributes:
        sd: Standard deviation of a single run, in the metric's unit.
        freedom: Degrees of freedom behind it; 0 where nothing was repeated and `sd` says nothing.
    """

    sd: float = 0.0
    freedom: int = 0

    @property
    def is_known(self) -> bool:
        """Whether anything was repeated."""
        return self.freedom > 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with the interval that covers the truth with the confidence asked for.

    Attributes:
        low: Lower end; minus infinity where the noise is not known.
        high: Upper end; infinity where the noise is not known.
    """

    value: float
    low: float
    high: float

    @property
    def is_told_from_zero(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


def pooled_noise(groups: Iterable[Sequence[float]]) -> Noise:
    """The spread within groups of repeats, whatever their means are."""
    squares, freedom = 0.0, 0
    for group in groups:
        if len(group) > 1:
            mean = fmean(group)
            squares += sum((value - mean) ** 2 for value in group)
            freedom += len(group) - 1
    return Noise(math.sqrt(squares / freedom), freedom) if freedom else Noise()


def estimate(
    value: float, noise: Noise, *, variances: float, confidence: float = CONFIDENCE
) -> Estimate:
    """A value whose variance is a multiple of a single run's, with its two-sided interval.

    Args:
        variances: The multiple: 1/n for a mean of n runs, 1/n + 1/m for a difference of two.
    """
    if not noise.is_known:
        return Estimate(value, -math.inf, math.inf)
    reach = _quantile(noise.freedom, (1 + confidence) / 2) * noise.sd * math.sqrt(variances)
    return Estimate(value, value - reach, value + reach)


def _quantile(freedom: int, probability: float) -> float:
    """Student's t."""
    from scipy.special import stdtrit  # noqa: PLC0415 (slow to import, needed at checkpoints only)

    return float(stdtrit(freedom, probability))
