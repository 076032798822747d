"""The policies: small values that say what makes an expert worth keeping."""

from dataclasses import dataclass

import numpy as np

from expertswap.errors import PlanError
from expertswap.policies.slots import NEVER, Memory, Worth


@dataclass(frozen=True, slots=True)
class Clocks:
    """A worth learned from a trace: uses that fade at several rates, weighed and summed.

    One fast clock orders experts as LRU does, one that never fades as LFU; weights between are
    what the trace taught. ``expertswap.plan.learning`` fits them.

    Args:
        fades: What is left of a use after one call, for each clock.
        weights: What each clock adds to the worth.
        prior: What each expert of the layer is worth whatever was used.
    """

    fades: tuple[float, ...]
    weights: tuple[float, ...]
    prior: tuple[float, ...]


NO_CLOCKS = Clocks((), (), ())


@dataclass(frozen=True, slots=True)
class LayerPlacement:
    """What is decided about one layer before the first call.

    Args:
        num_slots: Experts that it holds at a time.
        residents: Experts in the slots at the start, the most worthy first; those beyond the slots
            are left out.
        core: Those of them that never leave, where the policy pins.
        clocks: What was learned about the layer, where the policy predicts.
    """

    num_slots: int
    residents: tuple[int, ...] = ()
    core: tuple[int, ...] = ()
    clocks: Clocks = NO_CLOCKS


@dataclass(frozen=True, slots=True)
class Policy:
    """Decides which resident expert leaves when another needs its slot.

    Args:
        name: As the user asks for it.
        worth: What makes an expert worth keeping.
        pins_core: Whether the core of the plan never leaves.
        summary: What it does, in a few words.
    """

    name: str
    worth: Worth
    summary: str
    pins_core: bool = False

    def memory(self, layer: LayerPlacement, *, num_experts: int) -> Memory:
        """What one layer remembers before its first call."""
        E, clocks = num_experts, layer.clocks
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
            now=np.zeros(1, np.int64),
            last_use_E=np.full(E, -1, np.int64),
            uses_E=np.zeros(E),
            loaded_E=np.full(E, -1, np.int64),
            next_use_E=np.full(E, NEVER, np.int64),
            clocks_JE=np.zeros((len(clocks.fades), E)),
            fade_J=np.array(clocks.fades, np.float64),
            weight_J=np.array(clocks.weights, np.float64),
            prior_E=np.array(clocks.prior or [0.0] * E, np.float64),
        )


STATIC = Policy("static", Worth.NOTHING_ELSE, "what is resident stays; misses are thrown away")
LRU = Policy("lru", Worth.LAST_USE, "the least recently used leaves")
LFU = Policy("lfu", Worth.USES, "the least frequently used leaves")
LFRU = Policy("lfru", Worth.USES_PER_AGE, "the one of fewest uses per call since its last leaves")
LEAST_STALE = Policy("least-stale", Worth.LOADED, "of those this pass does not use, the oldest")
PINNED_LRU = Policy("pinned-lru", Worth.LAST_USE, "a core stays; LRU for the rest", pins_core=True)
CLOCKS = Policy("clocks", Worth.PREDICTED, "the one that the trace teaches is used latest leaves")
BELADY = Policy("belady", Worth.NEXT_USE, "the one that is needed latest leaves: the optimum")

POLICIES = {
    policy.name: policy
    for policy in (STATIC, LRU, LFU, LFRU, LEAST_STALE, PINNED_LRU, CLOCKS, BELADY)
}


def policy_named(name: str) -> Policy:
    """The policy of this name.

    Raises:
        PlanError: There is none.
    """
    if name not in POLICIES:
        raise PlanError(f"There is no policy {name!r}.", fix=f"Use one of {', '.join(POLICIES)}.")
    return POLICIES[name]
