"""A time without worthwhile gains: weighs in beside other signals and never alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from overnight.drift.signals.common import accepted_gain, typical_gain
from overnight.drift.view import View

_WORTHWHILE = 0.1
_REMEMBERED = 16
_MOST = 1.0


@dataclass(frozen=True, slots=True)
class Stall:
    """Whether gains stopped.

    Attributes:
        log_odds: How much that speaks for drift.
        sentence: For a person.
    """

    log_odds: float = 0.0
    sentence: str = ""


def stall(view: View, *, since: int) -> Stall:
    """How much it speaks for drift that gains stopped where the symptoms began.

    Whether gains became rarer at that change-point is told by the likelihood ratio of two rates to
    one. An honest researcher stalls too, once the easy gains are used up, so this is bounded far
    below what makes drift, and a dry spell that began earlier says nothing.

    Args:
        since: Number of the first trial that shows symptoms.
    """
    typical = typical_gain(view)
    trials = [*view.before[-_REMEMBERED:], *view.recent]
    gained = [accepted_gain(trial) > _WORTHWHILE * typical for trial in trials]
    split = sum(trial.number < since for trial in trials)
    ratio = min(_log_ratio(gained, split), _MOST)
    before, after = gained[:split], gained[split:]
    return Stall(
        ratio,
        f"{sum(after)} of the {len(after)} trials since {since} gained,"
        f" {sum(before)} of the {len(before)} before",
    )


def _log_ratio(gained: Sequence[bool], split: int) -> float:
    """Of a rate that falls at the split against one rate throughout; 0 where it does not fall."""
    before, after = gained[:split], gained[split:]
    if not before or not after:
        return 0.0
    if sum(after) * len(before) >= sum(before) * len(after):
        return 0.0
    return _log_likelihood(before) + _log_likelihood(after) - _log_likelihood(gained)


def _log_likelihood(gained: Sequence[bool]) -> float:
    count, total = sum(gained), len(gained)
    if count in (0, total):
        return 0.0
    return count * math.log(count / total) + (total - count) * math.log(1 - count / total)
