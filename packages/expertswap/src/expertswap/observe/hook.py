"""Sees what every expert adds to every token, through transformers' experts interface.

The model's own implementation runs once, on each token repeated for each of its experts with a gate
of one, and so returns the unweighted outputs. These are weighed and summed here just as the model
sums them: the logits do not change by a bit, and no expert computes anything twice.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.integrations.moe import ALL_EXPERTS_FUNCTIONS

from expertswap.errors import ObservationError

_NAME = "expertswap_observed"
_LAYER = re.compile(r"\blayers\.(\d+)\.")
_Experts = Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor]
_Compute = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class RoutedTokens:
    """What one layer did with the tokens of one forward pass, padding included.

    Args:
        experts_TK: int64 (T, K), the experts used.
        gates_TK: float (T, K), the weights with which the model sums them.
        norms_TK: float32 (T, K), L2 norms of the experts' unweighted outputs.
        peaks_TK: float32 (T, K), largest absolute elements of the unweighted outputs.
    """

    experts_TK: Tensor
    gates_TK: Tensor
    norms_TK: Tensor
    peaks_TK: Tensor


Watcher = Callable[[int, RoutedTokens], None]
"""Takes the index of a decoder layer and what it did."""


def expert_modules(model: nn.Module) -> dict[nn.Module, int]:
    """The modules that hold routed experts, and the decoder layer of each.

    Raises:
        ObservationError: The model has none that go through transformers' experts interface.
    """
    layers = {
        module: int(found[1])
        for name, module in model.named_modules()
        if hasattr(module, "is_concatenated") and (found := _LAYER.search(name))
    }
    if not layers:
        raise ObservationError(
            f"{type(model).__name__} does not call its experts through transformers' experts"
            " interface, so they cannot be observed."
        )
    return layers


@contextmanager
def observing(model: PreTrainedModel, watch: Watcher) -> Iterator[None]:
    """Call ``watch`` for every layer with experts of every forward pass.

    Raises:
        ObservationError: The model does not go through the experts interface.
    """
    layers = expert_modules(model)
    before = model.get_experts_implementation()
    name = f"{_NAME}_{id(watch)}"
    ALL_EXPERTS_FUNCTIONS[name] = _observed(layers, watch)
    try:
        model.set_experts_implementation(name)
        yield
    finally:
        model.set_experts_implementation(before)
        del ALL_EXPERTS_FUNCTIONS[name]  # type: ignore[no-untyped-call] # transformers is partly typed


def _observed(layers: Mapping[nn.Module, int], watch: Watcher) -> _Experts:
    """An experts implementation that does what the modules did before, and is watched."""
    implementations = {module: _implementation(module) for module in layers}

    def forward(
        module: nn.Module, hidden_TH: Tensor, experts_TK: Tensor, gates_TK: Tensor
    ) -> Tensor:
        implementation = implementations[module]
        rows_TKH = implementation.rows(hidden_TH, experts_TK)
        norms_TK = torch.linalg.vector_norm(rows_TKH, dim=-1, dtype=torch.float32)
        peaks_TK = torch.linalg.vector_norm(rows_TKH, ord=torch.inf, dim=-1)
        watch(layers[module], RoutedTokens(experts_TK, gates_TK, norms_TK, peaks_TK.float()))
        return implementation.summed(rows_TKH, experts_TK, gates_TK)

    return forward


class _ByToken:
    """As grouped_mm and batched_mm sum: all experts of a token at once, in the wider type.

    Args:
        compute: The implementation, of one module.
    """

    def __init__(self, compute: _Compute) -> None:
        self._compute = compute

    def rows(self, hidden_TH: Tensor, experts_TK: Tensor) -> Tensor:
        """The unweighted outputs, (T, K, H)."""
        T, K = experts_TK.shape
        repeated_SH = hidden_TH.repeat_interleave(K, dim=0)
        rows_SH = self._compute(repeated_SH, experts_TK.reshape(-1, 1), _ones(repeated_SH))
        return rows_SH.view(T, K, -1)

    def summed(self, rows_TKH: Tensor, _experts_TK: Tensor, gates_TK: Tensor) -> Tensor:
        """What the layer gives, (T, H); may use up ``rows_TKH``."""
        in_place = torch.result_type(rows_TKH, gates_TK) == rows_TKH.dtype
        weigh = rows_TKH.mul_ if in_place else rows_TKH.mul
        return weigh(gates_TK[..., None]).sum(dim=1).to(rows_TKH.dtype)


class _ByExpert:
    """As the eager implementations sum: one expert after the other, rounding after each.

    Args:
        compute: The implementation, of one module.
    """

    def __init__(self, compute: _Compute) -> None:
        self._compute = compute

    def rows(self, hidden_TH: Tensor, experts_TK: Tensor) -> Tensor:
        """The unweighted outputs, (T, K, H).

        First choices go first, so that each expert meets its tokens in the order it does alone.
        """
        T, K = experts_TK.shape
        repeated_SH = hidden_TH.repeat(K, 1)
        rows_SH = self._compute(repeated_SH, experts_TK.T.reshape(-1, 1), _ones(repeated_SH))
        return rows_SH.view(K, T, -1).transpose(0, 1)

    def summed(self, rows_TKH: Tensor, experts_TK: Tensor, gates_TK: Tensor) -> Tensor:
        """What the layer gives, (T, H)."""
        token_T = torch.arange(len(rows_TKH), device=rows_TKH.device)
        summed_TH = torch.zeros_like(rows_TKH[:, 0])
        for choice_T in experts_TK.argsort(dim=1).T:
            weighted_TH = rows_TKH[token_T, choice_T] * gates_TK[token_T, choice_T, None]
            summed_TH += weighted_TH.to(summed_TH.dtype)
        return summed_TH


def _implementation(module: nn.Module) -> _ByToken | _ByExpert:
    """How the module computes and sums its experts now."""
    experts: Any = module
    name: str = experts.config._experts_implementation
    if name not in _SUMMED:
        raise ObservationError(
            f"The experts implementation {name} cannot be observed.",
            fix=f"Load the model with one of {', '.join(_SUMMED)}.",
        )
    own = type(experts).forward.__wrapped__
    return _SUMMED[name](partial(ALL_EXPERTS_FUNCTIONS.get_interface(name, own), module))


_SUMMED: Mapping[str, type[_ByToken] | type[_ByExpert]] = {
    "grouped_mm": _ByToken,
    "batched_mm": _ByToken,
    "eager": _ByExpert,
}


def _ones(rows_SH: Tensor) -> Tensor:
    return rows_SH.new_ones(len(rows_SH), 1)
