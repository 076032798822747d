"""What policies hit at one budget after another, on prompts that were not planned on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from expertswap.observation import Observation
from expertswap.plan.planning import placed, slots_of, traffic, uniform
from expertswap.plan.splitting import Parts
from expertswap.policies.forecast import Forecasts
from expertswap.policies.policy import (
    BELADY,
    BELADY_STREAMING,
    FORECAST,
    LFRU,
    LFU,
    LRU,
    STATIC,
    LayerPlacement,
    Policy,
)
from expertswap.simulate.calls import Calls, decoding
from expertswap.simulate.replaying import Replay, simulate


@dataclass(frozen=True, eq=False, slots=True)
class BudgetPoint:
    """All contestants at one budget.

    Args:
        slots: Of all layers together.
        share: Of all experts.
        contestants: By name.
    """

    slots: int
    share: float
    contestants: dict[str, Replay]

    def hits(self, name: str) -> float:
        """A contestant's share of hits."""
        return self.contestants[name].hit_rate

    def closed(self, name: str, *, bound: str) -> float:
        """How much of the gap from the better of LRU and LFU to a bound a contestant closes."""
        begins = max(self.hits("lru"), self.hits("lfu"))
        gap = self.hits(bound) - begins
        return (self.hits(name) - begins) / gap if gap > 0 else float("nan")


def over_budgets(
    parts: Parts,
    shares: Sequence[float],
    *,
    forecasts: Forecasts | None = None,
    observation: Observation | None = None,
    prefetches: Sequence[int] = (1,),
) -> Iterator[BudgetPoint]:
    """The contestants at each share of all experts, fewest first.

    ``lru``, ``lfu``, ``lfru`` and ``belady`` have the same slots in every layer; ``static`` pins
    the experts of most traffic, ``mean-reap`` those of highest mean saliency. ``static-plan`` and
    ``forecast`` have the slots that their hits ask for, and ``forecast+N`` loads N experts ahead of
    each call. ``bound`` is Belady with the slots that its own hits on the told prompts ask for, and
    need not keep what it fetches: no policy that loads on demand can hit more.

    Args:
        forecasts: What was learned from ``parts.learn``; without it nothing is foreseen.
        observation: For ``mean-reap``.
        prefetches: The N.
    """
    seen, choose, told = traffic(*parts.planned), decoding(parts.choose), decoding(parts.told)
    L, E = seen.order_LE.shape
    for share in shares:
        total = round(share * L * E)
        even = placed(seen, uniform(total, num_layers=L))

        def fitted(policy: Policy, calls: Calls, total: int = total) -> list[LayerPlacement]:
            least = min(parts.told.model.shape.top_k, total // L)
            slots_L = slots_of(policy, calls, seen, total=total, least=least, forecasts=forecasts)
            return placed(seen, slots_L)

        replays = {
            policy.name: simulate(told, policy, even)
            for policy in (STATIC, LRU, LFU, LFRU, BELADY, BELADY_STREAMING)
        }
        replays["static-plan"] = simulate(told, STATIC, fitted(STATIC, choose))
        replays["bound"] = simulate(told, BELADY_STREAMING, fitted(BELADY_STREAMING, told))
        if observation is not None:
            replays["mean-reap"] = simulate(told, STATIC, by_saliency(observation, even))
        if forecasts is not None:
            layers = fitted(FORECAST, choose)
            for ahead in (0, *prefetches):
                replays[f"forecast+{ahead}" if ahead else "forecast"] = simulate(
                    told, FORECAST, layers, forecasts=forecasts, prefetches=ahead
                )
        yield BudgetPoint(total, total / (L * E), replays)


def by_saliency(observation: Observation, layers: Sequence[LayerPlacement]) -> list[LayerPlacement]:
    """The same slots, filled with the experts of highest mean saliency (REAP, arXiv:2510.13999)."""
    count_LE = observation.count_LE
    total_LE = observation.gated_norm_sum_DLE.sum(axis=0)
    saliency_LE = np.divide(total_LE, count_LE, out=np.zeros_like(total_LE), where=count_LE > 0)
    order_LE: NDArray[np.int64] = np.argsort(-saliency_LE, axis=-1, kind="stable")
    return [
        LayerPlacement(layer.num_slots, tuple(order_E[: layer.num_slots].tolist()))
        for layer, order_E in zip(layers, order_LE, strict=True)
    ]
