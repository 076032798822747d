"""One layer's cache as a runtime drives it, call by call."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from expertswap.errors import PlanError
from expertswap.policies.policy import LayerPlacement, Policy
from expertswap.policies.slots import Worth, prefetch, serve

_UNKNOWN = np.empty(0, np.int64)  # no next uses are known


@dataclass(frozen=True, eq=False, slots=True)
class Fetches:
    """What one call has to bring in.

    Args:
        experts_N: int32, experts to fetch.
        slots_N: int32, where each goes; -1 is used once and thrown away.
    """

    experts_N: NDArray[np.int32]
    slots_N: NDArray[np.int32]


class LayerCache:
    """Who is resident in one layer.

    Args:
        policy: Who leaves.
        layer: What the plan decided about the layer.
        num_experts: Of the layer (E).

    Raises:
        PlanError: The policy needs to know the future.
    """

    def __init__(self, policy: Policy, layer: LayerPlacement, *, num_experts: int) -> None:
        if policy.worth == Worth.NEXT_USE:
            raise PlanError(
                f"The policy {policy.name} needs to know the future.", fix="Simulate it."
            )
        self._worth = policy.worth
        self._memory = policy.memory(layer, num_experts=num_experts)
        self._fetches_2E = np.empty((2, num_experts), np.int32)

    @property
    def slot_E(self) -> NDArray[np.int32]:
        """int32 (E,): the slot of each resident expert, else -1; a view that serving changes."""
        return self._memory.slot_E

    @property
    def expert_S(self) -> NDArray[np.int32]:
        """int32 (S,): the expert in each slot, else -1; a view that serving changes."""
        return self._memory.expert_S

    def serve(self, needed_N: NDArray[np.int16]) -> Fetches:
        """Make room for one call's experts (int16, each once); none of them is evicted."""
        count = serve(self._worth, self._memory, needed_N, _UNKNOWN, self._fetches_2E)
        experts_N, slots_N = self._fetches_2E[:, :count].copy()
        return Fetches(experts_N, slots_N)

    def prefetch(self, wanted_N: NDArray[np.int16], *, most: int) -> Fetches:
        """Make room for the first ``most`` missing ones of the experts that are expected."""
        absent_N = wanted_N[self.slot_E[wanted_N] < 0]
        prefetch(self._worth, self._memory, wanted_N, most)
        loaded_N = absent_N[self.slot_E[absent_N] >= 0]
        return Fetches(loaded_N.astype(np.int32), self.slot_E[loaded_N])
