"""Replays calls against a policy."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from expertswap.errors import PlanError
from expertswap.policies.forecast import Forecasts, foresee_all
from expertswap.policies.policy import LayerPlacement, Policy
from expertswap.policies.slots import NEVER, Memory, Worth
from expertswap.simulate.calls import Calls, LayerCalls
from expertswap.simulate.kernels import LayerPrefetch, hits_by_depth, next_uses, replay

Found = TypeVar("Found")
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
    forecasts: Forecasts | None = None,
    prefetches: int = 0,
    first_counted: int = 0,
) -> Replay:
    """Replay ``calls`` against a policy.

    Args:
        layers: Slots and residents of each layer at the start.
        forecasts: What was learned, for the policy that foresees and for prefetching.
        prefetches: Experts that arrive in time before each call of each layer.
        first_counted: The first forward pass whose hits count; those before it warm up.

    Raises:
        PlanError: Forecasts are needed, and there are none.
    """
    fetched_L2S = np.zeros((len(layers), 2, len(calls.tokens_S)), np.int16)

    def replay_layer(position: int) -> None:
        layer = layers[position]
        memory, asked = _prepared(calls, position, policy, layer, forecasts=forecasts)
        ahead = _ahead(calls, position, forecasts, prefetches=prefetches)
        replay(policy.worth, memory, asked, ahead, fetched_L2S[position])

    _for_each(replay_layer, len(layers))
    return Replay(
        policy=policy,
        needed_LS=calls.sizes_LS[:, first_counted:],
        misses_LS=fetched_L2S[:, 0, first_counted:].astype(np.int64),
        prefetched_LS=fetched_L2S[:, 1, first_counted:].astype(np.int64),
        tokens_S=calls.tokens_S[first_counted:],
    )


def hits_by_size(
    calls: Calls,
    policy: Policy,
    layers: Sequence[LayerPlacement],
    *,
    forecasts: Forecasts | None = None,
    first_counted: int = 0,
) -> NDArray[np.int64]:
    """Hits (L, E + 1) that each layer would have with 0, 1, ... E slots, in one pass.

    ``layers`` say what is resident at the start, best first; their numbers of slots do not matter.
    Exact where the slots hold every call and every expert that is fetched gets one. A policy that
    need not admit all may here give up an expert of the call that it serves, and so hits a trifle
    more than it does. For least-stale, whose worth depends on what is resident, it is what LRU
    hits.
    """
    E = calls.num_experts

    def curve(position: int) -> NDArray[np.int64]:
        whole = LayerPlacement(E, layers[position].residents, layers[position].core)
        memory, asked = _prepared(calls, position, policy, whole, forecasts=forecasts)
        return np.cumsum(hits_by_depth(policy.worth, memory, asked, first_counted))

    return np.stack(_for_each(curve, len(layers)))


def _for_each(work: Callable[[int], Found], num_layers: int) -> list[Found]:
    """Do the layers beside each other: the compiled loops let go of the interpreter's lock."""
    with ThreadPoolExecutor(min(num_layers, os.cpu_count() or 1)) as threads:
        return list(threads.map(work, range(num_layers)))


def _prepared(
    calls: Calls,
    position: int,
    policy: Policy,
    layer: LayerPlacement,
    *,
    forecasts: Forecasts | None,
) -> tuple[Memory, LayerCalls]:
    """A layer's memory, and its calls with what the policy knows of the future."""
    memory = policy.memory(layer, num_experts=calls.num_experts)
    asked = calls.layers[position]
    if policy.worth == Worth.FORECAST:
        known = _needed(forecasts).after_L[position]
        worth_SE = foresee_all(known, position, calls.experts_N, calls.start_LS1, before=False)
        return memory, asked._replace(worth_SE=worth_SE)
    if policy.worth == Worth.NEXT_USE:
        first_use_E = np.full(calls.num_experts, NEVER, np.int64)
        next_use_N = next_uses(asked.experts_N, asked.start_S1, first_use_E)
        memory.next_use_E[:] = first_use_E
        return memory, asked._replace(next_use_N=next_use_N)
    return memory, asked


def _ahead(
    calls: Calls, position: int, forecasts: Forecasts | None, *, prefetches: int
) -> LayerPrefetch:
    """The experts that are expected of each call: as many as calls need on average."""
    if not prefetches:
        return _NOTHING_AHEAD
    known = _needed(forecasts).before_L[position]
    worth_SE = foresee_all(known, position, calls.experts_N, calls.start_LS1, before=True)
    expected = round(calls.sizes_LS[position].mean())
    return LayerPrefetch(np.argsort(-worth_SE)[:, :expected].astype(np.int16), prefetches)


def _needed(forecasts: Forecasts | None) -> Forecasts:
    if forecasts is None:
        raise PlanError(
            "Nothing was learned to foresee with.", fix="Give a plan that has forecasts."
        )
    return forecasts
