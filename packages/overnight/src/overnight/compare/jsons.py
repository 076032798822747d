"""A comparison as JSON, for scripts and pictures."""

import json
from dataclasses import asdict

from overnight.compare.analysis import Comparison
from overnight.compare.between import Pair
from overnight.compare.sentences import conclusions
from overnight.compare.telling import Contrast
from overnight.report.jsons import to_json
from overnight.types import JsonValue


def comparison_json(comparison: Comparison) -> dict[str, JsonValue]:
    """Everything of it; numbers that are not known or not finite are None."""
    told = asdict(comparison)
    told["pairs"] = [_pair(pair) for pair in comparison.pairs]
    told["finds"] = [
        {**asdict(find), "arms": find.arms, "gain": find.gain} for find in comparison.finds
    ]
    told["conclusions"] = conclusions(comparison)
    plain: dict[str, JsonValue] = json.loads(to_json(told))
    return plain


def _pair(pair: Pair) -> dict[str, object]:
    told = asdict(pair)
    told["results"] = _contrast(pair.results)
    told["researchers"] = _contrast(pair.researchers)
    told["told_results"] = pair.told_results
    told["told_researchers"] = pair.told_researchers
    return told


def _contrast(contrast: Contrast | None) -> dict[str, object] | None:
    if contrast is None:
        return None
    interval = contrast.interval()
    return {
        "gain": contrast.value,
        "low": interval.low,
        "high": interval.high,
        "probability": contrast.probability,
        "count": contrast.count,
        "needed": contrast.needed,
        "smallest": contrast.smallest,
    }
