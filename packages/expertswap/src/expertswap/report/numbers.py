"""What the report shows, as plain values."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from expertswap.observation import Observation
from expertswap.plan.budget_curve import BudgetPoint, Contest
from expertswap.plan.plan import Plan
from expertswap.plan.splitting import Parts
from expertswap.policies.forecast import Forecasts
from expertswap.simulate.calls import decoding
from expertswap.simulate.speed import Machine, Speed, speed

SHARES = (0.125, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9)


@dataclass(frozen=True, eq=False, slots=True)
class Outcome:
    """One contestant at one budget.

    Args:
        name: Of the contestant.
        slots: Of all layers.
        gpu_bytes: Memory that the budget takes, with weights and reserve.
        hit_rate: Share of needed experts that were resident.
        speed: What it would take.
    """

    name: str
    slots: int
    gpu_bytes: int
    hit_rate: float
    speed: Speed


def outcomes(
    parts: Parts,
    plan: Plan,
    machine: Machine,
    *,
    forecasts: Forecasts | None,
    observation: Observation,
) -> list[Outcome]:
    """Every contestant at every budget that holds one token's experts."""
    shape = plan.model.shape
    experts = len(shape.moe_layers) * shape.num_experts
    least = shape.top_k / shape.num_experts
    shares = sorted({plan.slots / experts, *(share for share in SHARES if share >= least)})
    ahead = min(shape.top_k, machine.prefetches(decoding(parts.told).sizes_LS))
    contest = Contest(parts, forecasts, observation, prefetches=(ahead,) if ahead else ())
    points = contest.at(shares)
    return [one for point in points for one in _outcomes(point, plan, machine, experts=experts)]


def _outcomes(
    point: BudgetPoint, plan: Plan, machine: Machine, *, experts: int
) -> Iterator[Outcome]:
    memory = plan.memory
    fixed = memory.other_weights_bytes + memory.reserve_bytes
    for name, replay in point.contestants.items():
        yield Outcome(
            name=name,
            slots=point.slots,
            gpu_bytes=fixed + point.slots * memory.expert_bytes,
            hit_rate=replay.hit_rate,
            speed=speed(replay, machine, absent=experts - point.slots),
        )


@dataclass(frozen=True, slots=True)
class Purchase:
    """What more memory buys.

    Args:
        gpu_bytes: From how much.
        more_bytes: How much more.
        hits: Share of hits gained.
        tokens_per_s: Gained.
    """

    gpu_bytes: int
    more_bytes: int
    hits: float
    tokens_per_s: float


def purchases(found: Sequence[Outcome], name: str) -> list[Purchase]:
    """What each next budget buys for one contestant."""
    line = sorted((one for one in found if one.name == name), key=lambda one: one.gpu_bytes)
    return [
        Purchase(
            gpu_bytes=here.gpu_bytes,
            more_bytes=there.gpu_bytes - here.gpu_bytes,
            hits=there.hit_rate - here.hit_rate,
            tokens_per_s=there.speed.tokens_per_s - here.speed.tokens_per_s,
        )
        for here, there in pairwise(line)
    ]
