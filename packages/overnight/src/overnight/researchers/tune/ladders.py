"""Finite ladders of readable numbers: what a setting may be changed to."""

import math
from collections.abc import Iterator

_MANTISSAS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
_SLACK = 1e-9


def decimals(low: float, high: float) -> tuple[float, ...]:
    """Round numbers from `low` to `high`, ten to a decade: 0.1, 0.12, 0.15, 0.2, …; 0 < low."""
    first, last = math.floor(math.log10(low)), math.floor(math.log10(high))
    values = (
        float(f"{mantissa}e{exponent}")
        for exponent in range(first, last + 1)
        for mantissa in _MANTISSAS
    )
    return tuple(v for v in values if low * (1 - _SLACK) <= v <= high * (1 + _SLACK))


def complements(low: float, high: float) -> tuple[float, ...]:
    """Numbers below 1 whose distance from 1 is round: 0.9, 0.92, 0.95, 0.96, …; high < 1."""
    gaps = decimals(1 - high, 1 - low)
    return tuple(sorted(round(1 - gap, 12) for gap in gaps))


def wholes(low: float, high: float) -> tuple[int, ...]:
    """Every integer of a short stretch, round integers of a long one."""
    first, last = math.ceil(low), math.floor(high)
    if last - first <= 8 or first < 0:
        return tuple(range(first, last + 1, max(1, (last - first) // 40)))
    small = tuple(range(first, 9))
    return small + tuple(int(v) for v in decimals(max(first, 9), last) if v == int(v))


def binaries(low: float, high: float) -> tuple[int, ...]:
    """Powers of two and, where hardware still likes it, the numbers half-way between."""
    return tuple(sorted({v for v in _binaries(high) if low <= v <= high}))


def _binaries(high: float) -> Iterator[int]:
    value = 1
    while value <= high:
        yield value
        if 32 <= value <= 4096:
            yield value * 3 // 2
        value *= 2


def even(low: float, high: float) -> tuple[float, ...]:
    """Forty equal steps from `low` to `high`."""
    digits = 2 - math.floor(math.log10(high - low))
    return tuple(sorted({round(low + (high - low) * k / 40, digits) for k in range(41)}))
