"""Sums of which some parts may not be known: what is unknown stays unknown."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

from overnight.stats import CONFIDENCE, Estimate


@dataclass(frozen=True, slots=True)
class Amount:
    """A sum.

    Attributes:
        known: The sum of the known parts.
        unknown: How many parts are not known.
        parts: How many there are in all.
    """

    known: float = 0.0
    unknown: int = 0
    parts: int = 0

    @property
    def whole(self) -> float | None:
        """The sum, where every part is known."""
        return None if self.unknown else self.known

    @property
    def mean(self) -> float | None:
        """The mean of the known parts."""
        known = self.parts - self.unknown
        return self.known / known if known else None


def total(parts: Iterable[float | None]) -> Amount:
    """Add up what is known, and count what is not."""
    found = list(parts)
    known = [part for part in found if part is not None]
    return Amount(math.fsum(known), len(found) - len(known), len(found))


def rate(hits: int, of: int) -> Estimate | None:
    """A share with its interval by Wilson; None of nothing.

    Source: E. B. Wilson, 1927, "Probable inference, the law of succession, and statistical
    inference", JASA 22.
    """
    if not of:
        return None
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    share, weight = hits / of, z * z / of
    middle = (share + weight / 2) / (1 + weight)
    reach = z * math.sqrt(share * (1 - share) / of + weight / (4 * of)) / (1 + weight)
    return Estimate(share, max(0.0, middle - reach), min(1.0, middle + reach))


def per(gain: Estimate | None, amount: float | None) -> Estimate | None:
    """A gain for each unit of what it took; None where that is not known or nothing."""
    if gain is None or not amount:
        return None
    return Estimate(gain.value / amount, gain.low / amount, gain.high / amount)
