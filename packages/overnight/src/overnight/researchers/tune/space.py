"""From a constant's name, value and comment to the values worth trying for it."""

import math
import re
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, field_validator

from overnight.researchers.tune.constants import Constant
from overnight.researchers.tune.families import DOUBLING, FAMILIES, LEAVE_ALONE, Curve, Family
from overnight.researchers.tune.ladders import binaries, complements, decimals, even, wholes
from overnight.researchers.tune.literals import Number, Value

_T = TypeVar("_T")
_SURELY_BINARY = 16  # a power of two from here on is meant as one


class Options(BaseModel):
    """``[researcher.options]`` of a study whose researcher is ``tune``.

    Names are those of constants, globs in `include` and `exclude`: ``LEARNING_RATE``,
    ``*_SIZE``, ``BETAS`` for every element of a tuple, ``BETAS[1]`` for one.

    Attributes:
        include: Tune these and nothing else, even those that tune would leave alone by itself.
        exclude: Never tune these.
        ranges: Smallest and largest value to try.
        choices: The values to try.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    ranges: Mapping[str, tuple[int | float, int | float]] = {}
    choices: Mapping[str, tuple[bool | int | float | str, ...]] = {}
    seed: int = 0

    @field_validator("ranges")
    @classmethod
    def _ascending(
        cls, ranges: Mapping[str, tuple[float, float]]
    ) -> Mapping[str, tuple[float, float]]:
        for name, (low, high) in ranges.items():
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise ValueError(f"{name}: write the smaller number first, as in [1e-4, 1e-1]")
        return ranges


class NotTunable(Exception):
    """A constant that tune leaves alone; the message says why."""


@dataclass(frozen=True, slots=True)
class Dial:
    """One constant that can be turned.

    Attributes:
        rungs: Every admissible value, the current one included; ascending unless unordered.
        rank: Lower is tried earlier.
        stride: The first step to take, as a distance between places.
        offset: Added before the logarithm, so that zero has a place.
        first: Which way to go first, 1 or -1.
    """

    name: str
    rungs: tuple[Value, ...]
    curve: Curve
    rank: int
    stride: float = DOUBLING
    offset: float = 0.0
    first: int = 1

    @property
    def ordered(self) -> bool:
        """Whether its values have a direction."""
        return self.curve is not Curve.UNORDERED

    def place(self, value: Value) -> float:
        """Where a value lies on the dial's scale; grows with the value.

        An unordered dial counts its values. A value that the scale cannot hold lies at its end.
        """
        if not self.ordered or isinstance(value, str):
            return float(self.rungs.index(value)) if value in self.rungs else 0.0
        if self.curve is Curve.LINEAR:
            return float(value)
        sign = -1 if self.curve is Curve.COMPLEMENT or value < 0 else 1
        distance = 1 - value if self.curve is Curve.COMPLEMENT else abs(value)
        return sign * math.log10(max(distance + self.offset, 1e-12))

    def nearest(self, place: float) -> Value:
        """The value closest to a place."""
        places = [self.place(rung) for rung in self.rungs]
        above = min(bisect_left(places, place), len(places) - 1)
        below = max(above - 1, 0)
        return self.rungs[above if places[above] - place <= place - places[below] else below]

    def stepped(self, value: Value, *, direction: int, strides: float) -> Value | None:
        """The value some strides away, at least one rung; None past the end."""
        here = self.place(value)
        target = self.nearest(here + direction * strides * self.stride)
        if (self.place(target) - here) * direction > 0:
            return target
        beyond = [rung for rung in self.rungs if (self.place(rung) - here) * direction > 0]
        return (beyond[0] if direction > 0 else beyond[-1]) if beyond else None


_CHOICE = r"(?:'[^']*'|\"[^\"]*\"|[\w.+-]*\w)"
_CHOICES = re.compile(
    rf"(?:^|:|\bof\b)\s*[\[({{]?\s*({_CHOICE}(?:\s*(?:,|\||/|\bor\b)+\s*(?:or\s+)?{_CHOICE})+)"
    r"\s*(?=$|[.;(\])}])"
)
_SEPARATOR = re.compile(r"\s*(?:,\s*or\s|[,|/]|\sor\s)\s*")


def dial(name: str, constant: Constant, options: Options) -> Dial:
    """The dial for a constant.

    Args:
        name: What to call the dial.
        constant: As it stands in the file now.
        options: The study's wishes, which go before everything that a name suggests.

    Raises:
        NotTunable: The constant is to be left as it is.
    """
    _check(constant.name, options)
    chosen = _lookup(options.choices, constant.name) or _listed(constant)
    value = constant.value
    if chosen is not None:
        return _choice(name, value, chosen)
    if isinstance(value, bool):
        return Dial(name, (False, True), Curve.UNORDERED, rank=6)
    if isinstance(value, str):
        raise NotTunable("a string whose alternatives are unknown; list them in a comment")
    words = _split(constant.name)
    family = next(family for family in FAMILIES if family.accepts(words, value))
    return _number(name, value, family, _lookup(options.ranges, constant.name))


def _split(name: str) -> set[str]:
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|l[12]", name)
    return {part.lower() for part in parts} | set(re.split(r"[_\[]", name.lower()))


def _check(name: str, options: Options) -> None:
    if any(names(pattern, name) for pattern in options.exclude):
        raise NotTunable("excluded by the study")
    if options.include:
        if not any(names(pattern, name) for pattern in options.include):
            raise NotTunable("not among the names that the study includes")
    elif not (_lookup(options.ranges, name) or _lookup(options.choices, name)):
        if name.startswith("__"):
            raise NotTunable("a name that Python itself uses")
        if alone := sorted(_split(name) & LEAVE_ALONE):
            raise NotTunable(f"{alone[0]!r} in its name says that it is no setting of the method")


def names(pattern: str, name: str) -> bool:
    """Whether a pattern of the study file means a constant."""
    return pattern == name or fnmatchcase(name.partition("[")[0], pattern)


def _lookup(table: Mapping[str, _T], name: str) -> _T | None:
    return table.get(name, table.get(name.partition("[")[0]))


def _listed(constant: Constant) -> tuple[Value, ...] | None:
    """The alternatives that a comment lists, when the current value is one of them."""
    match = _CHOICES.search(constant.comment)
    if match is None or isinstance(constant.value, bool) or constant.name.endswith("]"):
        return None
    kind = type(constant.value)
    try:
        values = tuple(kind(item.strip("'\"")) for item in _SEPARATOR.split(match[1]))
    except ValueError:
        return None
    return values if constant.value in values else None


def _choice(name: str, value: Value, values: tuple[Value, ...]) -> Dial:
    rungs = tuple(dict.fromkeys((value, *values)))
    if len(rungs) < 2:
        raise NotTunable("only one choice")
    numbers = [rung for rung in rungs if not isinstance(rung, bool | str)]
    if len(numbers) < len(rungs):
        return Dial(name, rungs, Curve.UNORDERED, rank=6)
    curve = Curve.LOG if min(numbers) > 0 else Curve.LINEAR
    return Dial(name, tuple(sorted(numbers)), curve, rank=6, stride=0.0)


def _number(name: str, value: Number, family: Family, bounds: tuple[Number, Number] | None) -> Dial:
    low, high = bounds or _bounds(value, family)
    curve, offset, stride = family.curve, 0.0, family.stride
    if curve is Curve.COMPLEMENT and high >= 1:
        curve = Curve.LOG
    if low < 0 < high or (low < 0 and bounds):
        curve, stride = Curve.LINEAR, (high - low) / 8
    elif low == 0:
        offset = family.offset or high / 100
    rungs = {value, *_rungs(value, low, high, curve=curve, family=family)}
    if offset:
        rungs.add(type(value)(0))
    if len(rungs) < 2:
        raise NotTunable("its range holds no other value")
    first = family.first
    return Dial(name, tuple(sorted(rungs)), curve, family.rank, stride, offset, first)


def _bounds(value: Number, family: Family) -> tuple[Number, Number]:
    """The range around a value; starts at zero where the family has room for it."""
    if value == 0:
        return (0, 4) if isinstance(value, int) else (0, family.start[1])
    if family.curve is Curve.COMPLEMENT:
        gap = 1 - value
        return 1 - min(gap * family.span, 0.5), 1 - gap / family.span
    near, far = sorted((value / family.span, value * family.span))
    if family.offset:
        return 0, min(max(far, family.start[1]), family.ceiling)
    return near, far


def _rungs(
    value: Number, low: Number, high: Number, *, curve: Curve, family: Family
) -> tuple[Number, ...]:
    if isinstance(value, int):
        power = value > 1 and value & (value - 1) == 0
        binary = power and low > 0 and (family.binary or value >= _SURELY_BINARY)
        return binaries(low, high) if binary else wholes(low, high)
    if curve is Curve.LINEAR:
        return even(low, high)
    if curve is Curve.COMPLEMENT:
        return complements(low, high)
    if high < 0:
        return tuple(-rung for rung in decimals(-high, -low))
    return decimals(low or min(family.start[0], high / 10), high)
