"""From a trace to calls: which experts each layer is asked for, forward pass by forward pass."""

from dataclasses import dataclass
from heapq import heapify, heapreplace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from expertswap.errors import TraceError
from expertswap.trace import RoutingTrace


class LayerCalls(NamedTuple):
    """The calls of one layer, one behind the other; a tuple that compiled functions take.

    Shapes: S forward passes, N experts of all calls together.

    Args:
        experts_N: int16, each expert once per call, ascending.
        start_S1: int64 (S + 1,), where a call begins; the last is N.
        next_use_N: int64, the call, counted from 1, in which each expert is needed next; empty
            where nobody asks.
        worth_SE: float32, what each expert is worth after a call; empty where nobody foresees it.
    """

    experts_N: NDArray[np.int16]
    start_S1: NDArray[np.int64]
    next_use_N: NDArray[np.int64] = np.empty(0, np.int64)
    worth_SE: NDArray[np.float32] = np.empty((0, 0), np.float32)


@dataclass(frozen=True, eq=False, slots=True)
class Calls:
    """All calls of a workload.

    Shapes: L layers, S forward passes, N experts of all calls of all layers, layer by layer.

    Args:
        experts_N: int16, each expert once per call, ascending.
        start_LS1: int64 (L, S + 1), where a call begins; the next is where it ends.
        tokens_S: int64, tokens of each forward pass.
        num_experts: Of each layer (E).
    """

    experts_N: NDArray[np.int16]
    start_LS1: NDArray[np.int64]
    tokens_S: NDArray[np.int64]
    num_experts: int

    @property
    def sizes_LS(self) -> NDArray[np.int64]:
        """How many experts each call needs."""
        return np.diff(self.start_LS1)

    @property
    def layers(self) -> tuple[LayerCalls, ...]:
        """The calls of each layer by themselves."""
        return tuple(
            LayerCalls(self.experts_N[start_S1[0] : start_S1[-1]], start_S1 - start_S1[0])
            for start_S1 in self.start_LS1
        )


def decoding(trace: RoutingTrace, *, batch: int = 1) -> Calls:
    """The trace's prompts as if every token were decoded, ``batch`` prompts at a time.

    Routing is exact, so a token uses the same experts whether it is read or written. Prompts of
    the domains take turns, as requests of many users would; when one ends, the next begins in its
    place.

    Raises:
        TraceError: The trace is empty.
    """
    return _calls(trace, _decoding_step_T(trace, batch))


def as_recorded(trace: RoutingTrace) -> Calls:
    """The trace's own forward passes: a prefill is one call with all its tokens.

    Raises:
        TraceError: The trace is empty.
    """
    return _calls(trace, np.unique(trace.step_T, return_inverse=True)[1])


def _decoding_step_T(trace: RoutingTrace, batch: int) -> NDArray[np.int64]:
    """In which forward pass (T,) each token is decoded."""
    step_T = np.empty(trace.num_tokens, np.int64)
    free_at = [0] * batch
    heapify(free_at)
    for tokens in _tokens_by_prompt(trace):
        begins = free_at[0]
        step_T[tokens] = begins + np.arange(len(tokens))
        heapreplace(free_at, begins + len(tokens))
    return step_T


def _tokens_by_prompt(trace: RoutingTrace) -> list[NDArray[np.int64]]:
    """The tokens of each prompt, prompts in the order in which they begin."""
    in_order = np.argsort(trace.prompt_T, kind="stable")
    prompts, first = np.unique(trace.prompt_T[in_order], return_index=True)
    by_prompt = np.split(in_order, first[1:]) if len(prompts) else []
    domain_P = trace.domain_T[in_order[first]]
    return [by_prompt[p] for p in np.lexsort((domain_P, rank_within(domain_P)))]


def rank_within(group_P: NDArray[np.int16]) -> NDArray[np.int64]:
    """How many earlier ones (P,) have the same group."""
    rank_P = np.zeros(len(group_P), np.int64)
    for group in np.unique(group_P):
        members = group_P == group
        rank_P[members] = np.arange(members.sum())
    return rank_P


def require_sound(trace: RoutingTrace) -> None:
    """See that a trace names only experts and domains that there are.

    Raises:
        TraceError: It does not, or it is empty.
    """
    if not trace.num_tokens:
        raise TraceError("The trace has no tokens.", fix="Observe at least one prompt.")
    for named, count in (
        (trace.experts_TLK, trace.model.shape.num_experts),
        (trace.domain_T, len(trace.domains)),
    ):
        if named.min() < 0 or named.max() >= count:
            raise TraceError(
                "The trace is damaged: it names an expert or domain that is not there."
            )


def _calls(trace: RoutingTrace, step_T: NDArray[np.int64]) -> Calls:
    require_sound(trace)
    E, L = trace.model.shape.num_experts, trace.experts_TLK.shape[1]
    steps = int(step_T.max()) + 1
    call_TL = np.arange(L) * steps + step_T[:, None]
    use_N = np.unique(call_TL[..., None] * E + trace.experts_TLK)
    first_C = np.searchsorted(use_N, np.arange(L * steps + 1) * E)
    start_LS1 = first_C[np.arange(L)[:, None] * steps + np.arange(steps + 1)]
    return Calls((use_N % E).astype(np.int16), start_LS1, np.bincount(step_T, minlength=steps), E)
