"""Replays calls against a policy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from expertswap.policies.policy import LayerPlacement, Policy
from expertswap.policies.slots import NEVER, Memory, Worth
from expertswap.simulate.calls import Calls, LayerCalls
from expertswap.simulate.kernels import LayerPrefetch, hits_by_depth, next_uses, replay

_NOTHING_AHEAD = LayerPrefetch(np.empty((0, 0), np.int16), 0)


@dataclass(frozen=True, eq=False, slots=True)
class Replay:
    """What came of a replay, from the first counted forward pass on.

    Shapes: L layers, S forward passes.

    Args:
        policy: Which one was replayed.
        needed_LS: int64, experts that each call needed.
        misses_LS: int64, those of them that were not resident.
        prefetched_LS: int64, experts that were loaded ahead of a call.
        tokens_S: int64, tokens of each forward pass.
    """

    policy: Policy
    needed_LS: NDArray[np.int64]
    misses_LS: NDArray[np.int64]
    prefetched_LS: NDArray[np.int64]
    tokens_S: NDArray[np.int64]

    @property
    def hit_rate(self) -> float:
        """Share of the needed experts that were resident."""
        return 1 - float(self.misses_LS.sum() / self.needed_LS.sum())

    @property
    def fetched(self) -> int:
        """Experts that moved over the link."""
        return int(self.misses_LS.sum() + self.prefetched_LS.sum())


def simulate(
    calls: Calls,
    policy: Policy,
    layers: Sequence[LayerPlacement],
    *,
    first_counted: int = 0,
    prefetch: Sequence[LayerPrefetch] | None = None,
) -> Replay:
    """Replay ``calls`` and count from forward pass ``first_counted`` on."""
    fetched_L2S = np.zeros((len(layers), 2, len(calls.tokens_S)), np.int16)
    for position, (layer_calls, layer) in enumerate(zip(calls.layers, layers, strict=True)):
        ahead = prefetch[position] if prefetch else _NOTHING_AHEAD
        memory, asked = _prepared(layer_calls, policy, layer, num_experts=calls.num_experts)
        replay(policy.worth, memory, asked, ahead, fetched_L2S[position])
    return Replay(
        policy=policy,
        needed_LS=np.stack([asked.sizes_S for asked in calls.layers])[:, first_counted:],
        misses_LS=fetched_L2S[:, 0, first_counted:].astype(np.int64),
        prefetched_LS=fetched_L2S[:, 1, first_counted:].astype(np.int64),
        tokens_S=calls.tokens_S[first_counted:],
    )


def hits_by_size(
    calls: Calls,
    policy: Policy,
    layers: Sequence[LayerPlacement],
    *,
    first_counted: int = 0,
) -> NDArray[np.int64]:
    """Hits (L, E + 1) that each layer would have with 0, 1, ... E slots, in one pass.

    ``layers`` say what is resident at the start, best first; their numbers of slots do not matter.
    Exact where the slots hold every call, and for every policy but least-stale, whose worth depends
    on what was resident: for that one it tells LRU's hits.
    """
    E, curves = calls.num_experts, []
    for layer_calls, layer in zip(calls.layers, layers, strict=True):
        whole = LayerPlacement(E, layer.residents, layer.core, layer.clocks)
        memory, asked = _prepared(layer_calls, policy, whole, num_experts=E)
        by_depth_D = hits_by_depth(policy.worth, memory, asked, first_counted)
        curves.append(np.cumsum(by_depth_D))
    return np.stack(curves)


def _prepared(
    calls: LayerCalls, policy: Policy, layer: LayerPlacement, *, num_experts: int
) -> tuple[Memory, LayerCalls]:
    """The layer's memory, and its calls with the next uses where the policy knows them."""
    memory = policy.memory(layer, num_experts=num_experts)
    if policy.worth != Worth.NEXT_USE:
        return memory, calls
    first_use_E = np.full(num_experts, NEVER, np.int64)
    next_use_N = next_uses(calls.experts_N, calls.start_S1, first_use_E)
    memory.next_use_E[:] = first_use_E
    return memory, calls._replace(next_use_N=next_use_N)
