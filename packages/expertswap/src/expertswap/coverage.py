"""How few experts carry how much of the traffic."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from expertswap.observation import Observation


@dataclass(frozen=True, eq=False, slots=True)
class Coverage:
    """Traffic against share of experts, the busiest experts first; N experts.

    Args:
        experts_N: float64 (N + 1,), shares of the experts from 0 to 1.
        traffic_N: float64 (N + 1,), shares of the traffic that they carry; NaN without traffic.
        unused: Share of the experts that carry nothing.
    """

    experts_N: NDArray[np.float64]
    traffic_N: NDArray[np.float64]
    unused: float

    def experts_for(self, traffic: float) -> float:
        """The least share of the experts that carries a share of the traffic; NaN without any.

        Args:
            traffic: From 0 to 1.
        """
        if np.isnan(self.traffic_N).any():
            return float("nan")
        # Shares are sums of quotients: 0.7 must not miss 0.7 by its last bit.
        place = int(np.searchsorted(self.traffic_N, traffic - 1e-12))
        return float(self.experts_N[min(place, len(self.experts_N) - 1)])

    def traffic_of(self, experts: float) -> float:
        """The share of the traffic that a share of the experts carries, between two experts' too.

        Args:
            experts: From 0 to 1.
        """
        return float(np.interp(experts, self.experts_N, self.traffic_N))


def coverage(count: NDArray[Any]) -> Coverage:
    """The coverage of experts that are chosen from together.

    Args:
        count: Tokens of each expert, of any shape, at least one.
    """
    busiest_first = -np.sort(-np.asarray(count, np.float64).reshape(-1))
    total = busiest_first.sum()
    carried = np.concatenate([[0.0], busiest_first.cumsum()])
    traffic = carried / total if total else np.full_like(carried, np.nan)
    return Coverage(
        experts_N=np.linspace(0.0, 1.0, len(carried)),
        traffic_N=traffic,
        unused=float((busiest_first == 0).mean()),
    )


def by_layer(observation: Observation) -> dict[int, Coverage]:
    """The coverage of each layer's experts, all domains together, by decoder layer."""
    layers = observation.model.shape.moe_layers
    counts_LE = observation.count_LE
    return {layer: coverage(count_E) for layer, count_E in zip(layers, counts_LE, strict=True)}


def by_domain(observation: Observation) -> dict[str, Coverage]:
    """The coverage of all layers' experts by domain."""
    return {
        domain: coverage(count_LE)
        for domain, count_LE in zip(observation.domains, observation.count_DLE, strict=True)
    }


def shared_traffic(observation: Observation, *, experts: float) -> NDArray[np.float64]:
    """What one domain's busiest experts of each layer carry of another domain's traffic.

    Args:
        observation: Of D domains.
        experts: Share of each layer's experts that counts as busiest.

    Returns:
        (D, D) shares: whose experts, whose traffic; NaN for a domain without traffic.
    """
    count_DLE = observation.count_DLE.astype(np.float64)
    num_busiest = max(1, round(experts * count_DLE.shape[2]))
    busiest_DLE = np.argsort(-count_DLE, axis=2, kind="stable")[:, :, :num_busiest]
    total_D = count_DLE.sum(axis=(1, 2))
    return np.array(
        [
            [
                np.take_along_axis(count_LE, busiest_LE, axis=1).sum() / total if total else np.nan
                for count_LE, total in zip(count_DLE, total_D, strict=True)
            ]
            for busiest_LE in busiest_DLE
        ]
    )
