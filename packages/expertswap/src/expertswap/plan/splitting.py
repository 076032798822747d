"""Parts a trace by prompts, so that nothing is told of what was planned on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from expertswap.errors import TraceError
from expertswap.simulate.calls import rank_within, require_sound
from expertswap.trace import RoutingTrace

_EVERY = 5  # of five prompts of a domain, one to choose on and one to tell


@dataclass(frozen=True, eq=False, slots=True)
class Parts:
    """A trace in three.

    Args:
        learn: What experts are used, and how soon again; three prompts of five.
        choose: Which policy and how many slots; one of five.
        told: What is told of the plan; one of five.
    """

    learn: RoutingTrace
    choose: RoutingTrace
    told: RoutingTrace

    @property
    def planned(self) -> tuple[RoutingTrace, RoutingTrace]:
        """All that planning may see."""
        return self.learn, self.choose


def parted(trace: RoutingTrace) -> Parts:
    """Part a trace; every domain with enough prompts is in every part.

    Raises:
        TraceError: It has too few prompts, or is damaged.
    """
    require_sound(trace)
    turn_T = _turn_T(trace)
    parts = Parts(trace.of(turn_T >= 2), trace.of(turn_T == 1), trace.of(turn_T == 0))
    if not all(part.num_tokens for part in (parts.learn, parts.choose, parts.told)):
        raise TraceError(
            "The trace has too few prompts to plan on some and tell of others.",
            fix=f"Observe at least {_EVERY} prompts.",
        )
    return parts


def _turn_T(trace: RoutingTrace) -> NDArray[np.int64]:
    """Which of every five prompts of its domain each token belongs to."""
    prompts, first, prompt_at_T = np.unique(trace.prompt_T, return_index=True, return_inverse=True)
    turn_P: NDArray[np.int64] = rank_within(trace.domain_T[first]) % _EVERY
    if len(prompts) < _EVERY:
        turn_P = np.arange(len(prompts)) % _EVERY
    return turn_P[prompt_at_T]
