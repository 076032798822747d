"""Which layer gets how many slots: always the one where the next slots bring the most hits."""

from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Step:
    """Slots that are worth adding together.

    Args:
        layer: Position of the layer.
        slots: How many.
        hits: What they bring, all together.
    """

    layer: int
    slots: int
    hits: float

    @property
    def hits_per_slot(self) -> float:
        """What each of them brings."""
        return self.hits / self.slots


def allocate(hits_LS: NDArray[np.int64], total: int, *, least: int) -> NDArray[np.int64]:
    """Slots (L,) of each layer, ``least`` or more, ``total`` together.

    Every expert of a model has the same bytes, so hits per slot are hits per byte. A curve that is
    not concave is replaced by the lowest concave one above it: slots that pay off only together are
    added together. The last addition may be cut to what is left.

    Args:
        hits_LS: Hits that each layer would have with 0, 1, ... E slots.
        total: Slots to give; at least ``least`` for each layer.
        least: Of every layer.
    """
    slots_L = np.full(len(hits_LS), least)
    left = total - int(slots_L.sum())
    for step in sorted(steps(hits_LS, least=least), key=lambda step: -step.hits_per_slot):
        added = min(step.slots, left)
        slots_L[step.layer] += added
        left -= added
    return slots_L


def steps(hits_LS: NDArray[np.int64], *, least: int) -> list[Step]:
    """The additions of every layer, in each layer those that bring most per slot first."""
    return list(
        chain.from_iterable(_steps(layer, hits_S, least) for layer, hits_S in enumerate(hits_LS))
    )


def _steps(layer: int, hits_S: NDArray[np.int64], least: int) -> list[Step]:
    """The sides of the curve's upper hull from ``least`` slots on."""
    found: list[Step] = []
    at, last = least, len(hits_S) - 1
    while at < last:
        sizes = np.arange(at + 1, last + 1)
        slopes = (hits_S[at + 1 :] - hits_S[at]) / (sizes - at)
        to = int(sizes[len(slopes) - 1 - np.argmax(slopes[::-1])])
        found.append(Step(layer, to - at, float(hits_S[to] - hits_S[at])))
        at = to
    return found
