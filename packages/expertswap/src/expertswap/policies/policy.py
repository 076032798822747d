"""The policies: small values that say what makes an expert worth keeping."""

from dataclasses import dataclass

import numpy as np

from expertswap.errors import PlanError
from expertswap.policies.slots import NEVER, Memory, Worth


@dataclass(frozen=True, slots=True)
class LayerPlacement:
    """What is decided about one layer before the first call.

    Args:
        num_slots: Experts that it holds at a time.
        residents: Experts in the slots at the start, the most worthy first; those beyond the slots
            are left out.
        core: Those of them that never leave, where the policy pins.
    """

    num_slots: int
    residents: tuple[int, ...] = ()
    core: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """Decides which resident expert leaves when another needs its slot.

    Args:
        name: As the user asks for it.
        worth: What makes an expert worth keeping.
        summary: What it does, in a few words.
        pins_core: Whether the core of the plan never leaves.
        admits_all: Whether every expert that was fetched gets a slot if one may be given; else only
            one that is worth more than the one that would leave.
    """

    name: str
    worth: Worth
    summary: str
    pins_core: bool = False
    admits_all: bool = True

    def memory(self, layer: LayerPlacement, *, num_experts: int) -> Memory:
        """What one layer remembers before its first call."""
        E = num_experts
        slot_E, expert_S = np.full(E, -1, np.int32), np.full(layer.num_slots, -1, np.int32)
        inside = np.array(layer.residents[: layer.num_slots], np.int64)
        expert_S[: len(inside)], slot_E[inside] = inside, np.arange(len(inside))
        pinned_E = np.zeros(E, np.bool_)
        pinned_E[list(layer.core)] = self.pins_core
        return Memory(
            slot_E=slot_E,
            expert_S=expert_S,
            pinned_E=pinned_E & (slot_E >= 0),
            needed_E=np.zeros(E, np.bool_),
            worth_E=np.zeros(E),
            admits_all=np.array([self.admits_all]),
            now=np.zeros(1, np.int64),
            last_use_E=np.full(E, -1, np.int64),
            uses_E=np.zeros(E),
            loaded_E=np.full(E, -1, np.int64),
            next_use_E=np.full(E, NEVER, np.int64),
        )


STATIC = Policy("static", Worth.NOTHING_ELSE, "what is resident stays; misses are thrown away")
LRU = Policy("lru", Worth.LAST_USE, "the least recently used leaves")
LFU = Policy("lfu", Worth.USES, "the least frequently used leaves")
LFRU = Policy("lfru", Worth.USES_PER_AGE, "the one of fewest uses per call since its last leaves")
LEAST_STALE = Policy("least-stale", Worth.LOADED, "of those this pass does not use, the oldest")
PINNED_LRU = Policy("pinned-lru", Worth.LAST_USE, "a core stays; LRU for the rest", pins_core=True)
FORECAST = Policy(
    "forecast",
    Worth.FORECAST,
    "the one that the trace teaches is needed latest leaves",
    admits_all=False,
)
BELADY = Policy("belady", Worth.NEXT_USE, "the one needed latest leaves: the optimum if calls fit")
BELADY_STREAMING = Policy(
    "belady-streaming",
    Worth.NEXT_USE,
    "the optimum of caches that need not keep what they fetch",
    admits_all=False,
)

POLICIES = {
    policy.name: policy
    for policy in (
        STATIC,
        LRU,
        LFU,
        LFRU,
        LEAST_STALE,
        PINNED_LRU,
        FORECAST,
        BELADY,
        BELADY_STREAMING,
    )
}


def policy_named(name: str) -> Policy:
    """The policy of this name.

    Raises:
        PlanError: There is none.
    """
    if name not in POLICIES:
        raise PlanError(f"There is no policy {name!r}.", fix=f"Use one of {', '.join(POLICIES)}.")
    return POLICIES[name]
