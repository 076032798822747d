"""What policies hit at one budget after another, on prompts that were not planned on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from expertswap.observation import Observation
from expertswap.plan.placing import Traffic, placed, slots_of, traffic, uniform
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


@dataclass(frozen=True, eq=False)
class Contest:
    """All policies on the same held-out prompts.

    ``lru``, ``lfu``, ``lfru`` and ``belady`` have the same slots in every layer; ``static`` pins
    the experts of most traffic, ``mean-reap`` those of highest mean saliency. ``static-plan`` and
    ``forecast`` have the slots that their hits ask for, and ``forecast+N`` loads N experts ahead of
    each call. ``bound`` is Belady with the slots that its own hits on the told prompts ask for, and
    need not keep what it fetches: no policy that loads on demand can hit more.

    Args:
        parts: What was learned from, what decides about slots, and what is told of.
        forecasts: What was learned; without it nothing is foreseen.
        observation: For ``mean-reap``.
        prefetches: The N.
    """

    parts: Parts
    forecasts: Forecasts | None = None
    observation: Observation | None = None
    prefetches: Sequence[int] = (1,)

    def at(self, shares: Sequence[float]) -> Iterator[BudgetPoint]:
        """The contestants with each share of all experts."""
        L, E = self._seen.order_LE.shape
        for share in shares:
            total = round(share * L * E)
            yield BudgetPoint(total, total / (L * E), dict(self._replays(total)))

    def _replays(self, total: int) -> Iterator[tuple[str, Replay]]:
        even = placed(self._seen, uniform(total, num_layers=len(self._seen.order_LE)))
        for policy in (STATIC, LRU, LFU, LFRU, BELADY, BELADY_STREAMING):
            yield policy.name, simulate(self._told, policy, even)
        fitted = self._fitted(STATIC, self._choose, total)
        yield "static-plan", simulate(self._told, STATIC, fitted)
        fitted = self._fitted(BELADY_STREAMING, self._told, total)
        yield "bound", simulate(self._told, BELADY_STREAMING, fitted)
        if self.observation is not None:
            yield "mean-reap", simulate(self._told, STATIC, by_saliency(self.observation, even))
        if self.forecasts is not None:
            fitted = self._fitted(FORECAST, self._choose, total)
            for ahead in (0, *self.prefetches):
                name = f"forecast+{ahead}" if ahead else "forecast"
                yield (
                    name,
                    simulate(
                        self._told, FORECAST, fitted, forecasts=self.forecasts, prefetches=ahead
                    ),
                )

    def _fitted(self, policy: Policy, calls: Calls, total: int) -> list[LayerPlacement]:
        """The layers with the slots that a policy's hits on some calls ask for."""
        least = min(self.parts.told.model.shape.top_k, total // len(self._seen.order_LE))
        slots_L = slots_of(
            policy, calls, self._seen, total=total, least=least, forecasts=self.forecasts
        )
        return placed(self._seen, slots_L)

    @cached_property
    def _seen(self) -> Traffic:
        return traffic(*self.parts.planned)

    @cached_property
    def _choose(self) -> Calls:
        return decoding(self.parts.choose)

    @cached_property
    def _told(self) -> Calls:
        return decoding(self.parts.told)


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
