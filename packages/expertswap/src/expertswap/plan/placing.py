"""Where experts are at the start: how many slots a layer gets, and who is in them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from expertswap.plan.allocation import allocate
from expertswap.policies.forecast import Forecasts
from expertswap.policies.policy import LayerPlacement, Policy
from expertswap.simulate.calls import Calls
from expertswap.simulate.replaying import hits_by_size
from expertswap.trace import RoutingTrace


@dataclass(frozen=True, eq=False, slots=True)
class Traffic:
    """How often each expert is used.

    Args:
        domains: Names of the domains.
        count_DLE: int64 (D, L, E), tokens of each domain that used an expert.
    """

    domains: tuple[str, ...]
    count_DLE: NDArray[np.int64]

    @property
    def order_LE(self) -> NDArray[np.int64]:
        """The experts of each layer (L, E), those with most traffic first."""
        return np.argsort(-self.count_DLE.sum(axis=0), axis=-1, kind="stable")


def traffic(*traces: RoutingTrace) -> Traffic:
    """The traffic of traces of one model and the same domains."""
    shape, domains = traces[0].model.shape, traces[0].domains
    count_DLE = np.zeros((len(domains), len(shape.moe_layers), shape.num_experts), np.int64)
    for trace in traces:
        L, K = trace.experts_TLK.shape[1:]
        domain_TLK = np.broadcast_to(trace.domain_T[:, None, None], trace.experts_TLK.shape)
        layer_TLK = np.broadcast_to(np.arange(L)[:, None], (L, K))[None]
        np.add.at(count_DLE, (domain_TLK, layer_TLK, trace.experts_TLK), 1)
    return Traffic(domains, count_DLE)


def slots_of(
    policy: Policy,
    calls: Calls,
    seen: Traffic,
    *,
    total: int,
    least: int,
    forecasts: Forecasts | None = None,
) -> NDArray[np.int64]:
    """The slots (L,) with which a policy hits most of these calls."""
    L, E = seen.order_LE.shape
    whole = placed(seen, np.full(L, E))
    curve_LS = hits_by_size(calls, replace(policy, pins_core=False), whole, forecasts=forecasts)
    return allocate(curve_LS, total, least=least)


def placed(seen: Traffic, slots_L: NDArray[np.int64]) -> list[LayerPlacement]:
    """Layers of so many slots that begin with their core, then the experts of most traffic."""
    layers = []
    for layer, slots in enumerate(slots_L.tolist()):
        core = _core(seen.count_DLE[:, layer], slots)
        by_traffic = seen.order_LE[layer].tolist()
        residents = (*core, *(expert for expert in by_traffic if expert not in core))
        layers.append(LayerPlacement(slots, residents[:slots], core))
    return layers


def uniform(total: int, *, num_layers: int) -> NDArray[np.int64]:
    """The same slots (L,) for every layer, the first layers getting what is left over."""
    slots_L = np.full(num_layers, total // num_layers)
    slots_L[: total % num_layers] += 1
    return slots_L


def _core(count_DE: NDArray[np.int64], slots: int) -> tuple[int, ...]:
    """The experts that every domain would hold, at most three quarters of the slots."""
    order_DE = np.argsort(-count_DE, axis=-1, kind="stable")[:, :slots]
    seen_D = count_DE.sum(axis=-1) > 0
    if not seen_D.any():
        return ()
    shared = set.intersection(*(set(order.tolist()) for order in order_DE[seen_D]))
    by_traffic = np.argsort(-count_DE.sum(axis=0), kind="stable").tolist()
    return tuple(expert for expert in by_traffic if expert in shared)[: slots * 3 // 4]
