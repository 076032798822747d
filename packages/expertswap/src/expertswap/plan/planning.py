"""Makes a plan from a trace."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from expertswap.errors import PlanError
from expertswap.matching import digest
from expertswap.observation import Observation
from expertswap.plan.allocation import allocate
from expertswap.plan.budget import Budget
from expertswap.plan.placing import Traffic, placed, slots_of, traffic, uniform
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
from expertswap.simulate.calls import decoding
from expertswap.simulate.replaying import simulate
from expertswap.trace import RoutingTrace
from expertswap.types import ModelIdentity

CANDIDATES = (STATIC, LRU, LFU, LFRU, PINNED_LRU, FORECAST)
BOUNDS = (BELADY, BELADY_STREAMING)


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
