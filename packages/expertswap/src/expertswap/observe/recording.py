"""Takes what the hook sees of one chunk of prompts: adds it up, and keeps the routing if asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from expertswap.errors import ObservationError
from expertswap.observe.batches import TokenLabels
from expertswap.observe.hook import RoutedTokens
from expertswap.observe.statistics import Statistics


@dataclass(frozen=True, eq=False, slots=True)
class Routing:
    """The routing of one chunk in some layers, tokens in the order of computation.

    Args:
        experts_TLK: int16 (T, L, K), the experts used.
        gates_TLK: float32 (T, L, K), the weights with which they were summed.
        prompt_T: int32 (T,), numbers of the prompts.
        position_T: int32 (T,), places in the prompts.
        decoded_T: bool (T,), generated tokens, each a step of its own.
    """

    experts_TLK: NDArray[np.int16]
    gates_TLK: NDArray[np.float32]
    prompt_T: NDArray[np.int32]
    position_T: NDArray[np.int32]
    decoded_T: NDArray[np.bool_]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All of it by name."""
        return {name: getattr(self, name) for name in self.__slots__}

    def by_prompt(self) -> "Routing":
        """The same, prompt by prompt, as if they had been served one after the other."""
        order = np.lexsort((self.position_T, self.prompt_T))
        return Routing(**{name: values[order] for name, values in self.arrays().items()})

    def steps(self) -> NDArray[np.int32]:
        """The step of each token: one for each prompt's prefill, one for each generated token."""
        is_first = np.diff(self.prompt_T, prepend=-1) != 0
        steps_T: NDArray[np.int32] = ((is_first | self.decoded_T).cumsum() - 1).astype(np.int32)
        return steps_T


class Recorder:
    """Watches the layers of a stage; ``expect`` tells it which tokens come next.

    Args:
        statistics: Where everything is added.
        places: Place among the statistics' layers by decoder layer.
        keeps_routing: Whether ``take_routing`` will be asked for.
        on_prompts: Told how many tokens of prompts a pass begins with.
    """

    def __init__(
        self,
        statistics: Statistics,
        places: Mapping[int, int],
        *,
        keeps_routing: bool = False,
        on_prompts: Callable[[int], None] = lambda _tokens: None,
    ) -> None:
        self._statistics = statistics
        self._places = places
        self._keeps_routing = keeps_routing
        self._on_prompts = on_prompts
        self._labels: TokenLabels | None = None
        self._passes: list[_Pass] = []

    def expect(self, labels: TokenLabels) -> None:
        """Say what the tokens of the next forward pass are."""
        self._labels = labels
        self._statistics.add_tokens(labels)
        if not labels.is_decoded:
            self._on_prompts(len(labels.prompt_N))
        if self._keeps_routing:
            self._passes.append(_Pass(labels, {}))

    def __call__(self, layer: int, routed: RoutedTokens) -> None:
        """Add what one layer did."""
        if self._labels is None:
            raise ObservationError("A layer ran before its tokens were named.")
        place = self._places[layer]
        self._statistics.add(place, routed, self._labels)
        if self._keeps_routing:
            rows_N = self._labels.rows_N
            self._passes[-1].layers[place] = (
                routed.experts_TK[rows_N].cpu().numpy().astype(np.int16),
                routed.gates_TK[rows_N].float().cpu().numpy(),
            )

    def take_routing(self) -> Routing | None:
        """The routing since the last call; None where it is not kept."""
        passes, self._passes = self._passes, []
        if not self._keeps_routing:
            return None
        return Routing(
            experts_TLK=np.concatenate([one.stacked(0) for one in passes]),
            gates_TLK=np.concatenate([one.stacked(1) for one in passes]),
            prompt_T=np.concatenate([one.labels.prompt_N for one in passes]),
            position_T=np.concatenate([one.labels.position_N for one in passes]),
            decoded_T=np.concatenate([one.decoded() for one in passes]),
        ).by_prompt()


@dataclass(frozen=True, slots=True)
class _Pass:
    labels: TokenLabels
    layers: dict[int, tuple[NDArray[np.int16], NDArray[np.float32]]]

    def stacked(self, which: int) -> NDArray[Any]:
        return np.stack([self.layers[place][which] for place in sorted(self.layers)], axis=1)

    def decoded(self) -> NDArray[np.bool_]:
        return np.full(len(self.labels.prompt_N), self.labels.is_decoded)
