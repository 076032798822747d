"""What a finished run's directory amounts to: one observation, and one trace."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from expertswap.observation import Observation
from expertswap.observe.batches import Chunk
from expertswap.observe.recording import Routing
from expertswap.observe.resuming import RunDirectory
from expertswap.trace import RoutingTrace, TraceWriter
from expertswap.types import ModelIdentity


@dataclass(frozen=True, slots=True)
class Results:
    """Joins what the stages of a run have found.

    Args:
        directory: Of the run, in which every stage has done every chunk.
        stages: Those that have layers with experts, in the order of the layers.
        model: Which model was observed.
        domains: All domains of the prompts.
    """

    directory: RunDirectory
    stages: tuple[int, ...]
    model: ModelIdentity
    domains: tuple[str, ...]

    def observation(self) -> Observation:
        """The sums of all stages, joined along their layers."""
        sums = [self.directory.sums(stage) for stage in self.stages]
        by_layer: dict[str, NDArray[Any]] = {
            name: np.concatenate([one[name] for one in sums], axis=axes.index("L"))
            for name in sums[0]
            if "L" in (axes := name.rpartition("_")[2])
        }
        tokens_D = sums[0]["tokens_D"]
        return Observation(model=self.model, domains=self.domains, tokens_D=tokens_D, **by_layer)

    def write_trace(self, path: Path, chunks: Sequence[Chunk]) -> None:
        """The routing of all stages, chunk by chunk.

        Raises:
            OutputError: It cannot be written.
        """
        next_step = 0
        with TraceWriter(path, model=self.model, domains=self.domains) as writer:
            for number, chunk in enumerate(chunks):
                layers = [self.directory.routing(stage, number) for stage in self.stages]
                trace = self._trace(layers, chunk, first_step=next_step)
                writer.add(trace)
                next_step = int(trace.step_T[-1]) + 1

    def _trace(self, layers: Sequence[Routing], chunk: Chunk, *, first_step: int) -> RoutingTrace:
        first = layers[0]
        domain_of = {
            prompt.number: self.domains.index(prompt.domain) for batch in chunk for prompt in batch
        }
        return RoutingTrace(
            model=self.model,
            experts_TLK=np.concatenate([one.experts_TLK for one in layers], axis=1),
            gates_TLK=np.concatenate([one.gates_TLK for one in layers], axis=1),
            step_T=first.steps() + np.int32(first_step),
            prompt_T=first.prompt_T,
            position_T=first.position_T,
            domain_T=np.array([domain_of[int(prompt)] for prompt in first.prompt_T], np.int16),
            domains=self.domains,
        )
