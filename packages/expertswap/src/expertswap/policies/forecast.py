"""A small network for each layer that tells how soon each expert is needed again.

It hears the last call of its own and of other layers: layers before it have already chosen for the
token that is computed now, layers behind it for the one before. It also keeps clocks: uses that
fade, each clock at its own rate; a fast one orders experts as LRU does, a slow one as LFU does.
``plan.learning`` teaches it from a trace.

The idea that eviction can be learned from Belady's choices is from Song et al., Learning Relaxed
Belady, NSDI 2020.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray


class LayerForecast(NamedTuple):
    """What was learned about one layer.

    Shapes: M layers that are heard, E experts, H hidden units, J clocks.

    Args:
        heard_M: int64, positions of the layers that are heard.
        heard_MEH: float32, what an expert of a heard call adds to the hidden units.
        slow_EH: float32, what the slowest clock of an expert adds to them.
        hidden_H: float32, what they begin with.
        worth_HE: float32, what a hidden unit adds to the worths.
        prior_E: float32, what the worths begin with.
        fade_J: float32, what is left of a use after one call.
        clock_J: float32, what a clock adds to the worth of its own expert.
    """

    heard_M: NDArray[np.int64]
    heard_MEH: NDArray[np.float32]
    slow_EH: NDArray[np.float32]
    hidden_H: NDArray[np.float32]
    worth_HE: NDArray[np.float32]
    prior_E: NDArray[np.float32]
    fade_J: NDArray[np.float32]
    clock_J: NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class Forecasts:
    """What was learned about a model's layers.

    Args:
        after_L: For each layer, when it has heard its own call: who may leave.
        before_L: For each layer, when it has not: whom to load ahead.
    """

    after_L: tuple[LayerForecast, ...]
    before_L: tuple[LayerForecast, ...]


class Heard(NamedTuple):
    """What has been heard so far; arrays that the compiled functions change in place.

    Args:
        last_LE: int16, each layer's last call; the rest of a row means nothing.
        count_L: int64, how many experts that call had.
    """

    last_LE: NDArray[np.int16]
    count_L: NDArray[np.int64]


class Past(NamedTuple):
    """What one layer's network keeps of its own calls.

    Args:
        clocks_JE: float32, uses that fade.
        slow_H: float32, what the slowest clock adds to the hidden units.
    """

    clocks_JE: NDArray[np.float32]
    slow_H: NDArray[np.float32]


def beginning(forecast: LayerForecast) -> Past:
    """What a network keeps before the first call."""
    J, E, H = len(forecast.fade_J), len(forecast.prior_E), len(forecast.hidden_H)
    return Past(np.zeros((J, E), np.float32), np.zeros(H, np.float32))


def silence(num_layers: int, num_experts: int) -> Heard:
    """What is heard before the first call."""
    return Heard(np.zeros((num_layers, num_experts), np.int16), np.zeros(num_layers, np.int64))


@njit(cache=True, inline="always")
def _add(sums: NDArray[np.float32], factor: float, values: NDArray[np.float32]) -> None:
    for n in range(len(sums)):  # in a loop of its own, for numba's array expressions cost more
        sums[n] += np.float32(factor) * values[n]


@njit(cache=True, inline="always")
def hear(heard: Heard, layer: int, needed_N: NDArray[np.int16]) -> None:
    """Remember a layer's call."""
    heard.count_L[layer] = len(needed_N)
    for n in range(len(needed_N)):
        heard.last_LE[layer, n] = needed_N[n]


@njit(cache=True)
def tick(forecast: LayerForecast, past: Past, needed_N: NDArray[np.int16]) -> None:
    """Let a layer's clocks fade by one call, and count the call's experts in."""
    J, E = past.clocks_JE.shape
    for j in range(J):
        for e in range(E):
            past.clocks_JE[j, e] *= forecast.fade_J[j]
        for n in range(len(needed_N)):
            past.clocks_JE[j, needed_N[n]] += 1 - forecast.fade_J[j]
    for h in range(len(past.slow_H)):
        past.slow_H[h] *= forecast.fade_J[J - 1]
    for n in range(len(needed_N)):
        _add(past.slow_H, 1 - forecast.fade_J[J - 1], forecast.slow_EH[needed_N[n]])


@njit(cache=True)
def foresee(
    forecast: LayerForecast,
    heard: Heard,
    past: Past,
) -> NDArray[np.float32]:
    """What each expert is worth (E,): the logit of the discount until its next use."""
    hidden_H = forecast.hidden_H + past.slow_H
    for m in range(len(forecast.heard_M)):
        layer = forecast.heard_M[m]
        for n in range(heard.count_L[layer]):
            row_H = forecast.heard_MEH[m, heard.last_LE[layer, n]]
            for h in range(len(hidden_H)):
                hidden_H[h] += row_H[h]
    worth_E = forecast.prior_E.copy()
    for j in range(len(forecast.fade_J)):
        _add(worth_E, forecast.clock_J[j], past.clocks_JE[j])
    for h in range(len(hidden_H)):
        if hidden_H[h] > 0:
            _add(worth_E, hidden_H[h], forecast.worth_HE[h])
    return worth_E


@njit(cache=True, nogil=True)
def foresee_all(
    forecast: LayerForecast,
    layer: int,
    experts_N: NDArray[np.int16],
    start_LS1: NDArray[np.int64],
    before: bool,
) -> NDArray[np.float32]:
    """What a layer's experts are worth (S, E) after each of its calls, or before each.

    Args:
        layer: Its position.
        experts_N: The experts of all calls of all layers.
        start_LS1: int64 (L, S + 1), where a call begins in them.
        before: Whether the layer has not yet heard its own call.
    """
    L, S, E = len(start_LS1), start_LS1.shape[1] - 1, len(forecast.prior_E)
    heard = Heard(np.zeros((L, E), np.int16), np.zeros(L, np.int64))
    past = Past(
        np.zeros((len(forecast.fade_J), E), np.float32),
        np.zeros(len(forecast.hidden_H), np.float32),
    )
    worth_SE = np.empty((S, E), np.float32)
    for step in range(S):
        for m in range(len(forecast.heard_M)):
            other = forecast.heard_M[m]
            heard_step = step if other < layer or (other == layer and not before) else step - 1
            if heard_step >= 0:
                first, last = start_LS1[other, heard_step], start_LS1[other, heard_step + 1]
                hear(heard, other, experts_N[first:last])
        own_N = experts_N[start_LS1[layer, step] : start_LS1[layer, step + 1]]
        if before:
            worth_SE[step] = foresee(forecast, heard, past)
        tick(forecast, past, own_N)
        if not before:
            worth_SE[step] = foresee(forecast, heard, past)
    return worth_SE
