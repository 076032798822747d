"""Durations as people write them: ``90s``, ``10m``, ``1h 30m``."""

import re

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
LONGEST_S = 3650 * 86400.0
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)\s*")


def parse_duration_s(value: object) -> float:
    """Read a duration in seconds from a number of seconds or from text such as ``1h 30m``.

    Raises:
        ValueError: It is neither, or not positive.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError("write a duration as '90s', '10m' or '1h 30m'")
    seconds = _parse_text_s(value) if isinstance(value, str) else value
    if not 0 < seconds <= LONGEST_S:
        raise ValueError("a duration must be longer than zero and at most ten years")
    return float(seconds)


def _parse_text_s(text: str) -> float:
    seconds, end = 0.0, 0
    while end < len(text):
        part = _PART.match(text, end)
        if part is None:
            raise ValueError(f"{text!r} is no duration; write '90s', '10m' or '1h 30m'")
        seconds += float(part[1]) * _UNITS_S[part[2]]
        end = part.end()
    return seconds


def format_duration(seconds: float) -> str:
    """Show a duration in at most two units: ``0.4s``, ``12s``, ``3m 05s``, ``2h 10m``."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}m {rest:02d}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02d}m"
