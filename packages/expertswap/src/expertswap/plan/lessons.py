"""What a layer's network is shown: what was heard at each call, and what came of it.

Shapes: S calls, B some of them, M layers that are heard, N experts of a call at most, E experts,
J clocks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

from expertswap.simulate.calls import Calls, LayerCalls


@dataclass(frozen=True, eq=False, slots=True)
class Lesson:
    """Every call of one layer, with what was known at it and what was to be foreseen.

    Args:
        heard_M: int64, positions of the layers that are heard.
        heard_SN: int32, experts heard, each as its layer's place in M times E plus its number; M
            times E is none.
        clocks_SJE: float32, uses of the layer's experts that fade.
        target_SE: float32, what was to be foreseen, between 0 and 1.
    """

    heard_M: NDArray[np.int64]
    heard_SN: Tensor
    clocks_SJE: Tensor
    target_SE: Tensor

    def inputs(self, chosen_B: Tensor) -> tuple[Tensor, Tensor]:
        """What was known at some of the calls."""
        return self.heard_SN[chosen_B].long(), self.clocks_SJE[chosen_B]


def lesson(
    calls: Calls,
    layer: int,
    *,
    heard: Sequence[int],
    fades: Sequence[float],
    discount: float,
    before: bool,
) -> Lesson:
    """The lesson of one layer.

    Args:
        before: Whether the layer has not heard its own call, and is to foresee it; else it is to
            foresee the ``discount`` until each expert's next use.
    """
    E, own = calls.num_experts, calls.layers[layer]
    clocks_SJE = _clocks(own, np.array(fades, np.float32), E)
    if before:
        target_SE = _discounts(own, 0.0, E)
        clocks_SJE, target_SE = _one_later(clocks_SJE, 0), _one_later(target_SE, 0)
        target_SE[0, own.experts_N[: own.start_S1[1]]] = 1
    else:
        target_SE = _discounts(own, discount, E)
    columns = [
        _heard(calls.layers[other], place * E, nothing=len(heard) * E, one_later=late)
        for place, other in enumerate(heard)
        for late in [other > layer or (other == layer and before)]
    ]
    return Lesson(
        heard_M=np.array(heard, np.int64),
        heard_SN=torch.from_numpy(np.concatenate(columns, axis=1)),
        clocks_SJE=torch.from_numpy(clocks_SJE),
        target_SE=torch.from_numpy(target_SE),
    )


def _heard(
    asked: LayerCalls, first_row: int, *, nothing: int, one_later: bool
) -> NDArray[np.int32]:
    """The calls (S, N) of one layer as rows of the table of what is heard."""
    sizes_S = np.diff(asked.start_S1)
    heard_SN = np.full((len(sizes_S), int(sizes_S.max())), nothing, np.int32)
    inside_SN = np.arange(heard_SN.shape[1]) < sizes_S[:, None]
    heard_SN[inside_SN] = asked.experts_N.astype(np.int32) + first_row
    return _one_later(heard_SN, nothing) if one_later else heard_SN


def _one_later(values: NDArray[Any], at_first: int) -> NDArray[Any]:
    """Each row as it was one call before."""
    return np.concatenate([np.full_like(values[:1], at_first), values[:-1]])


@njit(cache=True)
def _clocks(
    asked: LayerCalls, fade_J: NDArray[np.float32], num_experts: int
) -> NDArray[np.float32]:
    """The clocks (S, J, E) after each call."""
    S, J = len(asked.start_S1) - 1, len(fade_J)
    clocks_SJE = np.zeros((S, J, num_experts), np.float32)
    for step in range(S):
        for j in range(J):
            if step:
                clocks_SJE[step, j] = clocks_SJE[step - 1, j] * fade_J[j]
            for n in range(asked.start_S1[step], asked.start_S1[step + 1]):
                clocks_SJE[step, j, asked.experts_N[n]] += 1 - fade_J[j]
    return clocks_SJE


@njit(cache=True)
def _discounts(asked: LayerCalls, discount: float, num_experts: int) -> NDArray[np.float32]:
    """What is left (S, E) of 1 until each expert's next use: 1 if it is in the next call."""
    S = len(asked.start_S1) - 1
    left_SE = np.zeros((S, num_experts), np.float32)
    for step in range(S - 2, -1, -1):
        left_SE[step] = left_SE[step + 1] * discount
        for n in range(asked.start_S1[step + 1], asked.start_S1[step + 2]):
            left_SE[step, asked.experts_N[n]] = 1
    return left_SE
