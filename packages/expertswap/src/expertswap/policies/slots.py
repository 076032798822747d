"""One layer's slots: who is resident, and who leaves when a call needs others.

Every policy is a *worth*: the resident expert of least worth leaves. Where the worth comes from
what was used and when, and not from what is resident, the caches are stack algorithms (Mattson et
al., IBM Systems Journal 1970): what a small one holds, a larger one holds too, and one pass over a
trace tells the hits of every size.

The functions here are compiled by Numba. The runtime's ``LayerCache`` and the simulator's replay
both run ``serve``, so what is simulated is what happens.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

# Numba caches what it compiles by the file of the caller: after a change here delete __pycache__
# in simulate/, or replays go on with what was compiled before.
NEVER = 2**62  # the call of a next use that does not come


class Worth(IntEnum):
    """What makes a resident expert worth keeping."""

    NOTHING_ELSE = 0  # those that are resident stay; what is missing is streamed
    LAST_USE = 1
    USES = 2
    USES_PER_AGE = 3
    LOADED = 4
    NEXT_USE = 5
    FORECAST = 6


class Memory(NamedTuple):
    """What one layer remembers; arrays that the compiled functions change in place.

    Shapes: E experts, S slots, J clocks.

    Args:
        slot_E: int32, the slot of a resident expert, else -1.
        expert_S: int32, the expert in a slot, else -1.
        pinned_E: bool, experts that never leave.
        needed_E: bool, scratch: experts of the call that is served.
        worth_E: float64, what each expert is worth; of ``Worth.FORECAST`` whoever serves writes it.
        admits_all: bool (1,), whether an expert gets a slot that is worth less than the one that
            would leave for it; else such an expert is streamed.
        now: int64 (1,), calls served.
        last_use_E: int64, the call of the last use, else -1.
        uses_E: float64, how often it was used.
        loaded_E: int64, the call in which it was loaded, else -1.
        next_use_E: int64, the call of the next use (Belady alone knows it).
    """

    slot_E: NDArray[np.int32]
    expert_S: NDArray[np.int32]
    pinned_E: NDArray[np.bool_]
    needed_E: NDArray[np.bool_]
    worth_E: NDArray[np.float64]
    admits_all: NDArray[np.bool_]
    now: NDArray[np.int64]
    last_use_E: NDArray[np.int64]
    uses_E: NDArray[np.float64]
    loaded_E: NDArray[np.int64]
    next_use_E: NDArray[np.int64]


@njit(cache=True)
def note(memory: Memory, needed_N: NDArray[np.int16], next_use_N: NDArray[np.int64]) -> None:
    """Remember a call's experts: all that any worth is made of."""
    memory.now[0] += 1
    now = memory.now[0]
    for n in range(len(needed_N)):
        e = needed_N[n]
        memory.last_use_E[e] = now
        memory.uses_E[e] += 1
        memory.next_use_E[e] = next_use_N[n] if len(next_use_N) else NEVER


@njit(cache=True)
def serve(
    worth: Worth,
    memory: Memory,
    needed_N: NDArray[np.int16],
    next_use_N: NDArray[np.int64],
    fetches_2N: NDArray[np.int32],
) -> int:
    """Serve one call, and tell what is to be fetched and into which slot.

    An expert of the call is never evicted. When the call has more experts than there are slots,
    the rest is streamed: fetched, used and thrown away.

    Args:
        needed_N: The call's experts, each once.
        next_use_N: When each is needed next, where that is known; else empty.
        fetches_2N: Written: the experts to fetch, and the slot of each; -1 is streamed.

    Returns:
        How many are to be fetched.
    """
    note(memory, needed_N, next_use_N)
    missing = 0
    for n in range(len(needed_N)):
        memory.needed_E[needed_N[n]] = True
        if memory.slot_E[needed_N[n]] < 0:
            fetches_2N[0, missing] = needed_N[n]
            missing += 1
    if missing:
        weigh(worth, memory)
    for n in range(missing):
        fetches_2N[1, n] = _place(worth, memory, fetches_2N[0, n])
    for n in range(len(needed_N)):
        memory.needed_E[needed_N[n]] = False
    return missing


@njit(cache=True)
def prefetch(worth: Worth, memory: Memory, wanted_N: NDArray[np.int16], most: int) -> int:
    """Load experts that are expected, before they are asked for; the first ``most`` missing ones.

    An expert that is expected itself is not evicted for another.

    Returns:
        How many were loaded.
    """
    loaded = 0
    for n in range(len(wanted_N)):
        memory.needed_E[wanted_N[n]] = True
    worths_known = False
    for n in range(len(wanted_N)):
        if loaded < most and memory.slot_E[wanted_N[n]] < 0:
            if not worths_known:
                weigh(worth, memory)
                worths_known = True
            loaded += _place(worth, memory, wanted_N[n]) >= 0
    for n in range(len(wanted_N)):
        memory.needed_E[wanted_N[n]] = False
    return loaded


@njit(cache=True)
def weigh(worth: Worth, memory: Memory) -> None:
    """Write what each expert is worth now into ``memory.worth_E``."""
    for e in range(len(memory.worth_E)):
        if worth == Worth.LAST_USE:
            memory.worth_E[e] = memory.last_use_E[e]
        elif worth == Worth.USES:
            memory.worth_E[e] = memory.uses_E[e]
        elif worth == Worth.USES_PER_AGE:
            memory.worth_E[e] = memory.uses_E[e] / (memory.now[0] - memory.last_use_E[e] + 1)
        elif worth == Worth.LOADED:
            memory.worth_E[e] = memory.loaded_E[e]
        elif worth == Worth.NEXT_USE:
            memory.worth_E[e] = -memory.next_use_E[e]


@njit(cache=True)
def _place(worth: Worth, memory: Memory, expert: int) -> int:
    """Give an expert a slot, a free one or that of the least worthy; -1 when it gets none."""
    slot = -1 if worth == Worth.NOTHING_ELSE else _slot_to_give(memory)
    if slot < 0:
        return -1
    leaver = memory.expert_S[slot]
    if leaver >= 0:
        if not memory.admits_all[0] and leaves_before(memory, expert, leaver):
            return -1
        memory.slot_E[leaver] = -1
    memory.expert_S[slot] = expert
    memory.slot_E[expert] = slot
    memory.loaded_E[expert] = memory.now[0]
    return slot


@njit(cache=True)
def _slot_to_give(memory: Memory) -> int:
    """A free slot, else that of the expert of least worth that may leave; -1 where none may.

    Of equal worth, the one unused for longest leaves, then the one of the lowest number.
    """
    best = -1
    for slot in range(len(memory.expert_S)):
        e = memory.expert_S[slot]
        if e < 0:
            return slot
        if memory.needed_E[e] or memory.pinned_E[e]:
            continue
        if best < 0 or leaves_before(memory, e, memory.expert_S[best]):
            best = slot
    return best


@njit(cache=True)
def leaves_before(memory: Memory, e: int, other: int) -> bool:
    """Whether ``e`` would be evicted rather than ``other``."""
    if memory.worth_E[e] != memory.worth_E[other]:
        return bool(memory.worth_E[e] < memory.worth_E[other])
    if memory.last_use_E[e] != memory.last_use_E[other]:
        return bool(memory.last_use_E[e] < memory.last_use_E[other])
    return e < other
