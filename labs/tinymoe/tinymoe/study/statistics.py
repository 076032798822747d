"""The study's figures as a frame, and means over models with their 95 % intervals."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student

from tinymoe.study.measuring import Measured
from tinymoe.study.variants import FULL_BITS

COLUMNS = (
    "model",
    "criterion",
    "pruned",
    "bits",
    "left_out",
    "domain",
    "calibrated",
    "nats",
    "extra_nats",
    "agreement",
)


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and half the width of its 95 % interval; NaN where there are too few values."""

    mean: float
    half: float

    @property
    def low(self) -> float:
        """Its lower end."""
        return self.mean - self.half

    @property
    def high(self) -> float:
        """Its upper end."""
        return self.mean + self.half


def interval(values: Sequence[float]) -> Interval:
    """Student's interval of the mean of independent values."""
    n = len(values)
    if n < 2:
        return Interval(values[0] if values else math.nan, math.nan)
    half = student.ppf(0.975, n - 1) * np.std(values, ddof=1) / math.sqrt(n)
    return Interval(float(np.mean(values)), float(half))


def frame(found: Iterable[Measured]) -> pd.DataFrame:
    """One row for each model, variant and domain; ``extra_nats`` is over the full model's."""
    return pd.DataFrame(list(_rows(list(found))), columns=COLUMNS)


def _rows(found: Sequence[Measured]) -> Iterator[tuple[object, ...]]:
    full = {
        one.model: one.scores
        for one in found
        if one.variant.criterion is None and one.variant.bits == FULL_BITS
    }
    for one in found:
        variant = one.variant
        for domain, score in one.scores.items():
            yield (
                one.model,
                str(variant.criterion or "full"),
                variant.pruned,
                variant.bits,
                variant.mix.left_out or "none",
                domain,
                "out" if domain == variant.mix.left_out else "in",
                score.nats,
                score.nats - full[one.model][domain].nats,
                score.agreement,
            )


def over_models(rows: pd.DataFrame, value: str) -> Interval:
    """The interval over models of a value's mean within each."""
    return interval(list(rows.groupby("model")[value].mean()))


def difference(first: pd.DataFrame, second: pd.DataFrame, value: str) -> Interval:
    """The interval over models of what a value is more in the first than in the second, paired."""
    means = [rows.groupby("model")[value].mean() for rows in (first, second)]
    return interval(list((means[0] - means[1]).dropna()))
