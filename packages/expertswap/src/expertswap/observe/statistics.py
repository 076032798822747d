"""Adds up what the layers of a model did: whole counts, and sums in float64, on the device."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import one_hot

from expertswap.observe.batches import TokenLabels
from expertswap.observe.hook import RoutedTokens


class Statistics:
    """Sums of some layers, in the order in which they are given to ``add``.

    Args:
        num_layers: How many layers (L).
        num_experts: Experts of each (E).
        num_domains: Domains of the tokens (D).
        device: Where the model computes.
    """

    def __init__(
        self, *, num_layers: int, num_experts: int, num_domains: int, device: torch.device
    ) -> None:
        D, L, E = num_domains, num_layers, num_experts

        def zeros(*shape: int, dtype: torch.dtype = torch.int64) -> Tensor:
            return torch.zeros(shape, dtype=dtype, device=device)

        self._sums: dict[str, Tensor] = {
            "tokens_D": zeros(D),
            "count_DLE": zeros(D, L, E),
            "gate_sum_DLE": zeros(D, L, E, dtype=torch.float64),
            "norm_sum_DLE": zeros(D, L, E, dtype=torch.float64),
            "gated_norm_sum_DLE": zeros(D, L, E, dtype=torch.float64),
            "max_activation_LE": zeros(L, E, dtype=torch.float32),
            "coactivation_LEE": zeros(L, E, E),
        }
        self._num_experts = E

    def add_tokens(self, labels: TokenLabels) -> None:
        """Count the tokens of one forward pass; once, whatever the number of layers."""
        self._sums["tokens_D"].index_add_(0, labels.domain_N, torch.ones_like(labels.domain_N))

    def add(self, layer: int, routed: RoutedTokens, labels: TokenLabels) -> None:
        """Add what one layer did in that pass.

        Args:
            layer: Place among the layers of these statistics.
            routed: Of all tokens of the pass, padding included.
            labels: Which of them count.
        """
        experts_NK = routed.experts_TK[labels.rows_N]
        gates_NK = routed.gates_TK[labels.rows_N].double()
        norms_NK = routed.norms_TK[labels.rows_N].double()
        used_NE = self._by_expert(experts_NK, torch.ones_like(norms_NK, dtype=torch.float32))
        in_domain_DN = one_hot(labels.domain_N, len(self._sums["tokens_D"])).T.double()
        for name, values_NK in (
            ("gate_sum_DLE", gates_NK),
            ("norm_sum_DLE", norms_NK),
            ("gated_norm_sum_DLE", gates_NK * norms_NK),
        ):
            self._sums[name][:, layer] += in_domain_DN @ self._by_expert(experts_NK, values_NK)
        self._sums["count_DLE"][:, layer] += (in_domain_DN.float() @ used_NE).long()
        self._sums["coactivation_LEE"][layer] += (used_NE.T @ used_NE).long()
        peaks_NE = self._by_expert(experts_NK, routed.peaks_TK[labels.rows_N])
        highest_E = self._sums["max_activation_LE"][layer]
        torch.maximum(highest_E, _highest(peaks_NE), out=highest_E)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The sums, named as ``Observation`` names them."""
        return {name: values.cpu().numpy() for name, values in self._sums.items()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on from sums that ``arrays`` gave."""
        for name, values in self._sums.items():
            values.copy_(torch.from_numpy(np.ascontiguousarray(arrays[name])))

    def _by_expert(self, experts_NK: Tensor, values_NK: Tensor) -> Tensor:
        """Values of a token's experts where its experts stand, (N, E); zero elsewhere.

        Sums over tokens are then products of matrices, which a GPU makes quicker than it adds up
        by index. Ones are counted exactly in float32 up to 2^24 tokens of one forward pass.
        """
        return values_NK.new_zeros(len(values_NK), self._num_experts).scatter_(
            1, experts_NK, values_NK
        )


def _highest(values_NE: Tensor) -> Tensor:
    """The largest value of each column; zero where there is no row."""
    return values_NE.amax(dim=0) if len(values_NE) else values_NE.new_zeros(values_NE.shape[1])
