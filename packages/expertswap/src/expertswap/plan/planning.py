"""Makes a plan from a trace."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from expertswap.errors import PlanError
from expertswap.observation import Observation
from expertswap.plan.allocation import allocate
from expertswap.plan.budget import Budget
from expertswap.plan.matching import digest
from expertswap.plan.plan import Expected, Layer, Memory, Model, Plan, Shape
from expertswap.plan.splitting import Parts, parted
from expertswap.policies.forecast import Forecasts
from expertswap.policies.policy import (
    BELADY,
    BELADY_STREAMING,
    FORECAST,
    LEAST_STALE,
    LFRU,
    LFU,
    LRU,
    PINNED_LRU,
    STATIC,
    LayerPlacement,
    Policy,
)
from expertswap.policies.slots import Worth
from expertswap.simulate.calls import Calls, decoding
from expertswap.simulate.replaying import hits_by_size, simulate
from expertswap.trace import RoutingTrace
from expertswap.types import ModelIdentity

CANDIDATES = (STATIC, LRU, LFU, LFRU, PINNED_LRU, FORECAST)
BOUNDS = (BELADY, BELADY_STREAMING)


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


def make_plan(
    trace: RoutingTrace,
    budget: Budget,
    *,
    policy: Policy | None = None,
    forecasts: Forecasts | None = None,
) -> Plan:
    """Plan on most of a trace's prompts, and tell of the rest.

    Args:
        policy: Who leaves; None for the one that hits most.
        forecasts: What was learned from ``parted(trace).learn``.

    Raises:
        BudgetTooSmall: The experts of one token do not fit.
        PlanError: The policy cannot run.
        TraceError: The trace has too few prompts.
    """
    if policy and policy.worth == Worth.NEXT_USE:
        raise PlanError(f"The policy {policy.name} knows the future; no model can run it.")
    parts = parted(trace)
    shape = trace.model.shape
    total = budget.slots(shape)
    seen = traffic(*parts.planned)
    choose = decoding(parts.choose)
    candidates = [policy] if policy else usable(CANDIDATES, forecasts)
    planned = {
        one.name: placed(
            seen,
            slots_of(one, choose, seen, total=total, least=shape.top_k, forecasts=forecasts),
        )
        for one in candidates
    }
    best = max(
        candidates,
        key=lambda some: simulate(choose, some, planned[some.name], forecasts=forecasts).hit_rate,
    )
    layers = planned[best.name]
    expected = _expected(parts, layers, seen, forecasts=forecasts)
    told = {"expected": expected, "trace": digest(trace)}
    return _plan(trace.model, budget, best, layers, seen).model_copy(update=told)


def plan_by_traffic(observation: Observation, budget: Budget) -> Plan:
    """Plan on sums alone, which do not tell what follows what, and so not what to expect.

    Raises:
        BudgetTooSmall: The experts of one token do not fit.
    """
    shape = observation.model.shape
    seen = Traffic(observation.domains, observation.count_DLE)
    busiest_LE = -np.sort(-observation.count_LE, axis=-1)
    hits_LS = np.cumsum(np.pad(busiest_LE, ((0, 0), (1, 0))), axis=-1)
    slots_L = allocate(hits_LS, budget.slots(shape), least=shape.top_k)
    return _plan(observation.model, budget, PINNED_LRU, placed(seen, slots_L), seen)


def _plan(
    model: ModelIdentity,
    budget: Budget,
    policy: Policy,
    layers: Sequence[LayerPlacement],
    seen: Traffic,
) -> Plan:
    return Plan(
        model=Model(**{**asdict(model), "shape": Shape(**asdict(model.shape))}),
        memory=Memory(**asdict(budget)),
        policy=policy.name,
        layers=tuple(_layers(model.shape.moe_layers, layers, seen)),
    )


def usable(policies: Sequence[Policy], forecasts: Forecasts | None) -> list[Policy]:
    """Those that can run with what was learned."""
    return [one for one in policies if forecasts or one.worth != Worth.FORECAST]


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
    """The same slots for every layer, the first layers getting what is left over."""
    slots_L = np.full(num_layers, total // num_layers)
    slots_L[: total % num_layers] += 1
    return slots_L


def _core(count_DE: NDArray[np.int64], slots: int) -> tuple[int, ...]:
    """The experts that every domain would hold, at most three quarters of the slots."""
    order_DE = np.argsort(-count_DE, axis=-1, kind="stable")[:, :slots]
    seen_D = count_DE.sum(axis=-1) > 0
    shared = set.intersection(*(set(order.tolist()) for order in order_DE[seen_D]))
    by_traffic = np.argsort(-count_DE.sum(axis=0), kind="stable").tolist()
    return tuple(expert for expert in by_traffic if expert in shared)[: slots * 3 // 4]


def _layers(
    moe_layers: Sequence[int], layers: Sequence[LayerPlacement], seen: Traffic
) -> list[Layer]:
    found = []
    for place, (index, layer) in enumerate(zip(moe_layers, layers, strict=True)):
        specialists = {}
        for domain, count_E in zip(seen.domains, seen.count_DLE[:, place], strict=True):
            others = [
                e for e in np.argsort(-count_E, kind="stable").tolist() if e not in layer.core
            ]
            specialists[domain] = tuple(others[: layer.num_slots - len(layer.core)])
        found.append(
            Layer(
                layer=index,
                slots=layer.num_slots,
                core=layer.core,
                residents=layer.residents,
                specialists=specialists,
            )
        )
    return found


def _expected(
    parts: Parts, layers: Sequence[LayerPlacement], seen: Traffic, *, forecasts: Forecasts | None
) -> Expected:
    """Hit rates on the prompts that were not planned on."""
    calls = decoding(parts.told)
    rates = {
        policy.name: simulate(calls, policy, layers, forecasts=forecasts).hit_rate
        for policy in usable((*CANDIDATES, LEAST_STALE, *BOUNDS), forecasts)
    }
    even = placed(seen, uniform(sum(x.num_slots for x in layers), num_layers=len(layers)))
    for policy in (LRU, LFU):
        rates[f"uniform-{policy.name}"] = simulate(calls, policy, even).hit_rate
    return Expected(
        tokens=parts.told.num_tokens,
        hit_rates=rates,
        static_helps=rates["static"] > max(rates["lru"], rates["uniform-lru"]),
    )
