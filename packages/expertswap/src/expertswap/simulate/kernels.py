"""The compiled loops of the simulation; each goes through the calls of one layer.

Shapes: S forward passes, N experts of all calls, E experts of the layer, P predictions.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from expertswap.policies.slots import (
    NEVER,
    Memory,
    Worth,
    leaves_before,
    note,
    prefetch,
    serve,
    weigh,
)
from expertswap.simulate.calls import LayerCalls


class LayerPrefetch(NamedTuple):
    """Experts of one layer that are loaded before they are asked for.

    Args:
        wanted_SP: int16, the experts expected of each call, likeliest first.
        most: Experts that arrive in time for one call.
    """

    wanted_SP: NDArray[np.int16]
    most: int


@njit(cache=True, nogil=True)
def next_uses(
    experts_N: NDArray[np.int16], start_S1: NDArray[np.int64], first_use_E: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The call (N,), counted from 1, in which each expert is needed next; ``NEVER`` if in none.

    ``first_use_E`` is written: the first call that needs an expert.
    """
    next_N = np.empty(len(experts_N), np.int64)
    first_use_E[:] = NEVER
    for step in range(len(start_S1) - 2, -1, -1):
        for n in range(start_S1[step], start_S1[step + 1]):
            next_N[n] = first_use_E[experts_N[n]]
            first_use_E[experts_N[n]] = step + 1
    return next_N


@njit(cache=True, nogil=True)
def replay(
    worth: Worth,
    memory: Memory,
    asked: LayerCalls,
    ahead: LayerPrefetch,
    fetched_2S: NDArray[np.int16],
) -> None:
    """Serve every call; write how many experts each had to fetch, and how many came ahead of it."""
    fetches_2E = np.empty((2, len(memory.slot_E)), np.int32)
    for step in range(len(asked.start_S1) - 1):
        if ahead.most:
            fetched_2S[1, step] = prefetch(worth, memory, ahead.wanted_SP[step], ahead.most)
        call = slice(asked.start_S1[step], asked.start_S1[step + 1])
        if worth == Worth.FORECAST:
            memory.worth_E[:] = asked.worth_SE[step]
        fetched_2S[0, step] = serve(
            worth, memory, asked.experts_N[call], asked.next_use_N[call], fetches_2E
        )


@njit(cache=True, nogil=True)
def hits_by_depth(
    worth: Worth,
    memory: Memory,
    asked: LayerCalls,
    first_counted: int,
) -> NDArray[np.int64]:
    """Hits (E + 1,) at each depth of the stack: a layer of S slots hits at depths 1 to S.

    ``memory`` has as many slots as there are experts; its slots hold the stack, best first. Exact
    for sizes that hold every call; a smaller one streams what does not fit and hits less often.

    Source: Mattson, Gecsei, Slutz, Traiger: Evaluation techniques for storage hierarchies, IBM
    Systems Journal 9(2), 1970; here for calls that need several experts at once.
    """
    hits_D = np.zeros(len(memory.slot_E) + 1, np.int64)
    for step in range(len(asked.start_S1) - 1):
        call = slice(asked.start_S1[step], asked.start_S1[step + 1])
        needed_N = asked.experts_N[call]
        if step >= first_counted:
            for n in range(len(needed_N)):
                hits_D[memory.slot_E[needed_N[n]] + 1] += 1
        note(memory, needed_N, asked.next_use_N[call])
        if worth == Worth.FORECAST:
            memory.worth_E[:] = asked.worth_SE[step]
        if worth != Worth.NOTHING_ELSE:
            weigh(worth, memory)
            _restack(memory, needed_N)
    hits_D[0] = 0  # those that were nowhere in the stack
    return hits_D


@njit(cache=True)
def _restack(memory: Memory, needed_N: NDArray[np.int16]) -> None:
    """Reorder the stack after a call, so that each size holds what it would keep.

    What it fetched comes first, or, if it need not admit that, what is worth most.

    Going down, each depth holds the best of what the next smaller cache gave up and of what stood
    at this depth before.
    """
    candidates_N = np.empty(len(needed_N) + 1, np.int16)
    left = len(needed_N)
    candidates_N[:left] = needed_N
    for n in range(len(needed_N)):
        memory.needed_E[needed_N[n]] = True
    depth = 0
    while left:
        stood = memory.expert_S[depth]
        if stood >= 0 and not memory.needed_E[stood]:
            candidates_N[left] = stood
            left += 1
        best = 0
        for n in range(1, left):
            if _stays_above(memory, candidates_N[n], candidates_N[best]):
                best = n
        memory.expert_S[depth] = candidates_N[best]
        memory.slot_E[candidates_N[best]] = depth
        left -= 1
        candidates_N[best] = candidates_N[left]
        depth += 1
    for n in range(len(needed_N)):
        memory.needed_E[needed_N[n]] = False


@njit(cache=True)
def _stays_above(memory: Memory, e: int, other: int) -> bool:
    if memory.pinned_E[e] != memory.pinned_E[other]:
        return bool(memory.pinned_E[e])
    if memory.admits_all[0] and memory.needed_E[e] != memory.needed_E[other]:
        return bool(memory.needed_E[e])
    return leaves_before(memory, other, e)
