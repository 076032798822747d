"""What the words in a constant's name say about the values worth trying."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from overnight.researchers.tune.literals import Number

DOUBLING = math.log10(2)


class Curve(StrEnum):
    """On which scale equal steps feel equal."""

    LOG = "log"
    COMPLEMENT = "distance from one"
    LINEAR = "linear"
    UNORDERED = "unordered"


@dataclass(frozen=True, slots=True)
class Family:
    """What constants with certain words in their names have in common.

    Attributes:
        span: How many times larger or smaller than now a value may become.
        offset: Where positive, zero belongs to the family.
        ceiling: No value goes above it.
        start: The range to try, at least, for a value that may be zero.
        binary: Whether a power of two stays one.
    """

    words: frozenset[str]
    fits: Callable[[Number], bool]
    rank: int
    span: float = 8.0
    curve: Curve = Curve.LOG
    stride: float = DOUBLING
    offset: float = 0.0
    ceiling: float = math.inf
    start: tuple[float, float] = (0.01, 1.0)
    first: int = 1
    binary: bool = False

    def accepts(self, words: set[str], value: Number) -> bool:
        """Whether a constant with these words in its name and this value belongs here."""
        return (not self.words or bool(self.words & words)) and self.fits(value)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _positive(value: Number) -> bool:
    return isinstance(value, float) and value > 0


def _share(value: Number) -> bool:
    return isinstance(value, float) and 0 <= value < 1


def _count(value: Number) -> bool:
    return isinstance(value, int) and value > 0


FAMILIES = (
    Family(
        _words("beta betas momentum ema decay polyak gamma rho"),
        lambda value: 0.5 < value < 1,
        rank=6,
        curve=Curve.COMPLEMENT,
        first=-1,
    ),
    Family(
        _words("cooldown warmdown"),
        _share,
        rank=1,
        stride=math.log10(3),
        offset=0.05,
        ceiling=0.95,
        start=(0.01, 0.8),
    ),
    Family(
        _words(
            "dropout drop frac fraction ratio prob probability warmup smoothing "
            "momentum percent pct mix final"
        ),
        _share,
        rank=5,
        offset=0.05,
        ceiling=0.95,
        start=(0.01, 0.5),
    ),
    Family(_words("lr learning"), _positive, rank=0, stride=math.log10(3)),
    Family(
        _words("decay wd l1 l2 reg regularization lambda penalty noise"),
        lambda value: isinstance(value, float) and (value == 0 or value >= 0.001),
        rank=4,
        stride=math.log10(3),
        offset=0.01,
        start=(0.001, 0.3),
    ),
    Family(_words("eps epsilon"), _positive, rank=9, span=100.0, stride=1.0),
    Family(
        _words("batch batchsize microbatch bs"), _count, rank=1, span=4.0, first=-1, binary=True
    ),
    Family(
        _words(
            "width dim hidden context ctx block seq sequence length len embd embed embedding "
            "channels ff ffn mlp model size units window"
        ),
        _count,
        rank=2,
        span=4.0,
        binary=True,
    ),
    Family(_words("heads head experts groups"), _count, rank=3, span=4.0, binary=True),
    Family(
        _words("layers layer depth blocks stages"),
        _count,
        rank=3,
        span=4.0,
    ),
    Family(
        _words("scale std init temperature temp clip norm gain alpha mult multiplier softcap cap"),
        _positive,
        rank=5,
    ),
    Family(frozenset(), lambda value: value != 0, rank=7, span=4.0),
    Family(frozenset(), lambda value: value == 0, rank=8, offset=0.01),
)
LEAVE_ALONE = _words(
    "seed version port path file files dir directory folder url uri host device devices dtype data "
    "dataset vocab vocabulary name timeout seconds secs minutes hours budget deadline eval every "
    "interval print report checkpoint ckpt save log logging workers threads gpu gpus cpu cpus rank "
    "world debug verbose test val valid validation encoding year date license author tag token id "
    "pi inf nan kb mb gb kib mib gib bytes"
)
