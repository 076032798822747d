"""The caches of a model as a runtime drives them, call by call."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from expertswap.errors import PlanError
from expertswap.policies.forecast import (
    Forecasts,
    LayerForecast,
    beginning,
    foresee,
    hear,
    silence,
    tick,
)
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

    def serve(
        self, needed_N: NDArray[np.int16], *, worth_E: NDArray[np.float32] | None = None
    ) -> Fetches:
        """Make room for one call's experts (int16, each once); none of them is evicted.

        Args:
            worth_E: What each expert is worth now, for a policy that foresees.
        """
        if worth_E is not None:
            self._memory.worth_E[:] = worth_E
        count = serve(self._worth, self._memory, needed_N, _UNKNOWN, self._fetches_2E)
        experts_N, slots_N = self._fetches_2E[:, :count].copy()
        return Fetches(experts_N, slots_N)

    def prefetch(self, wanted_N: NDArray[np.int16], *, most: int) -> Fetches:
        """Make room for the first ``most`` missing ones of the experts that are expected."""
        absent_N = wanted_N[self.slot_E[wanted_N] < 0]
        prefetch(self._worth, self._memory, wanted_N, most)
        loaded_N = absent_N[self.slot_E[absent_N] >= 0]
        return Fetches(loaded_N.astype(np.int32), self.slot_E[loaded_N])


class ModelCache:
    """Who is resident in every layer, and what is foreseen.

    Args:
        policy: Who leaves.
        layers: What the plan decided about each layer.
        num_experts: Of each layer (E).
        forecasts: What was learned, for a policy that foresees and for prefetching.

    Raises:
        PlanError: The policy needs to know the future, or forecasts that are not given.
    """

    def __init__(
        self,
        policy: Policy,
        layers: Sequence[LayerPlacement],
        *,
        num_experts: int,
        forecasts: Forecasts | None = None,
    ) -> None:
        if policy.worth == Worth.FORECAST and forecasts is None:
            raise PlanError("The policy forecast needs what was learned.", fix="Give the plan's.")
        self.layers = tuple(LayerCache(policy, layer, num_experts=num_experts) for layer in layers)
        self._foresees = policy.worth == Worth.FORECAST
        self._forecasts = forecasts
        self._heard = silence(len(layers), num_experts)
        after_L: Sequence[LayerForecast] = forecasts.after_L if forecasts else ()
        before_L: Sequence[LayerForecast] = forecasts.before_L if forecasts else ()
        self._past_after_L = [beginning(forecast) for forecast in after_L]
        self._past_before_L = [beginning(forecast) for forecast in before_L]

    def serve(self, layer: int, needed_N: NDArray[np.int16]) -> Fetches:
        """Make room for one call of the layer at this position; layers are served in order."""
        worth_E = None
        if self._forecasts:
            known, past = self._forecasts.after_L[layer], self._past_after_L[layer]
            hear(self._heard, layer, needed_N)
            tick(known, past, needed_N)
            tick(self._forecasts.before_L[layer], self._past_before_L[layer], needed_N)
            worth_E = foresee(known, self._heard, past) if self._foresees else None
        return self.layers[layer].serve(needed_N, worth_E=worth_E)

    def prefetch(self, layer: int, *, expected: int, most: int) -> Fetches:
        """Make room for the first ``most`` missing ones of the ``expected`` likeliest experts.

        To be asked while the layer before computes, with the experts it uses already served.
        """
        if self._forecasts is None:
            raise PlanError(
                "Nothing was learned to foresee with.", fix="Give the plan's forecasts."
            )
        known, past = self._forecasts.before_L[layer], self._past_before_L[layer]
        likeliest_E = np.argsort(-foresee(known, self._heard, past))
        return self.layers[layer].prefetch(likeliest_E[:expected].astype(np.int16), most=most)
