"""What is compared: mixes to calibrate on, criteria, shares to prune, bits of the experts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from expertswap.prune.criterion import Criterion

FULL_BITS, FEW_BITS = 16, 4
CRITERIA = (Criterion.REAP, Criterion.FREQUENCY, Criterion.EAN, Criterion.RANDOM)
PRUNED = (0.25, 0.5)


@dataclass(frozen=True, slots=True)
class Mix:
    """Domains to calibrate on.

    Args:
        left_out: The one domain that is not in it; None if all are.
    """

    left_out: str | None

    def domains(self, every: Sequence[str]) -> tuple[str, ...]:
        """The domains in it."""
        return tuple(domain for domain in every if domain != self.left_out)


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to make a model smaller.

    Args:
        mix: Calibrated on.
        criterion: What ranks the experts; None where none is pruned.
        pruned: Share of the experts.
        bits: Of a weight of an expert.
        draw: Seed of a random choice.
    """

    mix: Mix
    criterion: Criterion | None
    pruned: float
    bits: int = FULL_BITS
    draw: int = 0

    @property
    def name(self) -> str:
        """Tells it from all others."""
        left_out = self.mix.left_out or "none"
        criterion = self.criterion or "full"
        return f"{criterion} {self.pruned:g} {self.bits} without {left_out}"


FULL = Variant(Mix(None), None, 0.0)


def variants(domains: Sequence[str]) -> Iterator[Variant]:
    """All that is measured of one model: the whole one first, then by mix."""
    yield FULL
    yield replace(FULL, bits=FEW_BITS)
    for draw, mix in enumerate((Mix(None), *map(Mix, domains))):
        for pruned in PRUNED:
            for criterion in CRITERIA:
                yield Variant(mix, criterion, pruned, draw=draw)
        yield Variant(mix, Criterion.REAP, max(PRUNED), bits=FEW_BITS)
