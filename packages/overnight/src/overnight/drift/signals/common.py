"""Wording and measures that signals share."""

import math
import statistics
from collections.abc import Sequence

from overnight.brief import quoted
from overnight.drift.evidence import Evidence
from overnight.drift.facts import TrialFacts
from overnight.drift.view import View
from overnight.types import Verdict

_SHOWN = 4
_LONGEST_QUOTE = 60


def share(evidence: Evidence) -> str:
    """Such as "5 of the last 6 proposals"."""
    return f"{len(evidence.shown)} of the last {len(evidence.symptoms)} proposals"


def listed(items: Sequence[object]) -> str:
    """Such as "3, 5 and 8", shortened."""
    shown = [str(item) for item in items[:_SHOWN]]
    if len(items) > _SHOWN:
        return f"{', '.join(shown)} and {len(items) - _SHOWN} more"
    return " and ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))


def ramp(value: float, *, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high` on, straight between; 0 for what is no number."""
    if math.isnan(value):
        return 0.0
    return min(max((value - low) / (high - low), 0.0), 1.0)


def unusual(value: float, reference: Sequence[float], *, least_spread: float) -> float:
    """How far a value stands above a reference: 0 up to half a robust deviation, 1 from two on.

    Args:
        reference: At least one value; few of them tell little, so the deviation is taken larger.
        least_spread: The deviation is never taken for smaller than this.
    """
    middle = statistics.median(reference)
    spread = 1.4826 * statistics.median(abs(each - middle) for each in reference)
    spread = max(spread, least_spread) * (1 + 2 / len(reference))
    return ramp((value - middle) / spread, low=0.5, high=2.0)


def typical_gain(view: View) -> float:
    """The median accepted gain before the recent trials, else in them; 0 where there is none."""
    for trials in (view.reference, view.recent):
        found = [gain for trial in trials if (gain := accepted_gain(trial))]
        if found:
            return statistics.median(found)
    return 0.0


def accepted_gain(trial: TrialFacts) -> float:
    """What a trial added to the incumbent's value; 0 unless it was kept for a gain."""
    if trial.verdict is not Verdict.KEEP or trial.gain is None or not math.isfinite(trial.gain):
        return 0.0
    return max(trial.gain, 0.0)


def quote(text: str) -> str:
    """Foreign text as it may stand in a sentence that people and researchers read."""
    return quoted(text, most_characters=_LONGEST_QUOTE)
