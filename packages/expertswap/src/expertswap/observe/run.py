"""Observes a model: stages of layers, chunks of prompts, and at the end one observation."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from expertswap.checkpoint.reading import Checkpoint
from expertswap.errors import ObservationError
from expertswap.observation import Observation
from expertswap.observe.batches import Chunk, chunks_of, num_tokens, padded_tokens
from expertswap.observe.layerwise import LayerByLayer
from expertswap.observe.recording import Recorder
from expertswap.observe.results import Results
from expertswap.observe.resuming import RunDirectory
from expertswap.observe.statistics import Statistics
from expertswap.observe.whole import WholeModel
from expertswap.prompts.tokens import TokenizedPrompt

Progress = Callable[[int, int], None]
"""Takes how many tokens are begun, and how many there are; a token counts once in each stage."""


@dataclass(frozen=True, slots=True)
class ObserveSettings:
    """How to observe.

    Args:
        dtype: Of the weights.
        device: Where to compute.
        layerwise: Hold one block at a time instead of the whole model.
        batch_tokens: Most tokens of a forward pass.
        generate: Tokens to decode after each prompt; only of a whole model.
        trace: Whether to keep every routing decision.
    """

    dtype: torch.dtype
    device: torch.device
    layerwise: bool
    batch_tokens: int = 4096
    generate: int = 0
    trace: bool = False


class Runner(Protocol):
    """Runs chunks of prompts through the layers of a stage."""

    @property
    def stages(self) -> Sequence[tuple[int, ...]]:
        """The decoder layers with experts of each stage."""
        ...

    def stage(self, stage: int, /) -> AbstractContextManager[None]:
        """Hold the weights of a stage."""
        ...

    def run(self, stage: int, chunk_number: int, chunk: Chunk, recorder: Recorder, /) -> None:
        """Run some prompts through it."""
        ...


def observe(
    checkpoint: Checkpoint,
    prompts: Sequence[TokenizedPrompt],
    settings: ObserveSettings,
    *,
    directory: RunDirectory,
    resume: bool = False,
    trace_to: Path | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Observation:
    """Run prompts through a model and add up what its experts did.

    Args:
        checkpoint: The model.
        prompts: At least one.
        settings: How.
        directory: Where what is done is kept until the end; the caller removes it then.
        resume: Whether to go on with what the directory holds.
        trace_to: Parquet file for the routing trace, with ``settings.trace``.
        progress: Told as each batch begins.

    Raises:
        ObservationError: The directory holds another run, or the settings contradict each other.
        OutputError: Something cannot be written.
    """
    if settings.layerwise and settings.generate:
        raise ObservationError(
            "Tokens cannot be generated layer by layer.",
            fix="Use --whole, or leave out --generate.",
        )
    run = _Run(
        checkpoint=checkpoint,
        chunks=chunks_of(prompts, batch_tokens=settings.batch_tokens),
        domains=tuple(sorted({prompt.domain for prompt in prompts})),
        settings=settings,
        directory=directory,
        progress=progress,
    )
    directory.begin(_about(checkpoint, prompts, settings), resume=resume)
    runner = run.runner()
    for stage, layers in enumerate(runner.stages):
        run.do(runner, stage, layers)
    results = Results(
        directory=directory,
        stages=tuple(stage for stage, layers in enumerate(runner.stages) if layers),
        model=checkpoint.identity,
        domains=run.domains,
    )
    if trace_to is not None:
        results.write_trace(trace_to, run.chunks)
    return results.observation()


@dataclass(frozen=True, eq=False, slots=True)
class _Run:
    checkpoint: Checkpoint
    chunks: tuple[Chunk, ...]
    domains: tuple[str, ...]
    settings: ObserveSettings
    directory: RunDirectory
    progress: Progress

    def runner(self) -> Runner:
        checkpoint, settings = self.checkpoint, self.settings
        if settings.layerwise:
            width = checkpoint.shape.hidden_size * settings.dtype.itemsize
            self.directory.require(width * padded_tokens(self.chunks))
            return LayerByLayer(
                checkpoint,
                domains=self.domains,
                dtype=settings.dtype,
                device=settings.device,
                directory=self.directory,
            )
        return WholeModel(
            checkpoint,
            domains=self.domains,
            dtype=settings.dtype,
            device=settings.device,
            generate=settings.generate,
        )

    def do(self, runner: Runner, stage: int, layers: tuple[int, ...]) -> None:
        """Run the chunks through a stage that are not done."""
        done = self.directory.chunks_done(stage)
        if done == len(self.chunks):
            return
        statistics = Statistics(
            num_layers=len(layers),
            num_experts=self.checkpoint.shape.num_experts,
            num_domains=len(self.domains),
            device=self.settings.device,
        )
        if done:
            statistics.restore(self.directory.sums(stage))
        recorder = Recorder(
            statistics,
            {layer: place for place, layer in enumerate(layers)},
            keeps_routing=self.settings.trace and bool(layers),
            on_prompts=self._counter(stage, done, len(runner.stages)),
        )
        with _memory_told(), runner.stage(stage):
            for number in range(done, len(self.chunks)):
                runner.run(stage, number, self.chunks[number], recorder)
                routing = recorder.take_routing()
                self.directory.keep(stage, number, sums=statistics.arrays(), routing=routing)

    def _counter(self, stage: int, chunks_done: int, num_stages: int) -> Callable[[int], None]:
        """Counts tokens on from where a stage begins."""
        total = num_tokens(self.chunks)
        done = stage * total + num_tokens(self.chunks[:chunks_done])
        self.progress(done, total * num_stages)

        def count(tokens: int) -> None:
            nonlocal done
            done += tokens
            self.progress(done, total * num_stages)

        return count


@contextmanager
def _memory_told() -> Iterator[None]:
    """Memory that ends is one sentence; torch has no type of its own for a CPU's."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        raise ObservationError(
            f"There is not enough memory: {error}. What was done before is kept.",
            fix="Delete the run's directory and use fewer --batch-tokens, or --layerwise.",
        ) from error


def _about(
    checkpoint: Checkpoint, prompts: Sequence[TokenizedPrompt], settings: ObserveSettings
) -> dict[str, object]:
    """Everything that decides about what a run finds, in the words of an error."""
    digest = hashlib.sha256()
    for prompt in prompts:
        digest.update(f"{prompt.number} {prompt.domain} {len(prompt)}\n".encode())
        digest.update(prompt.token_ids.tobytes())
    return {
        "model": checkpoint.fingerprint,
        "prompts": digest.hexdigest(),
        "way of loading": "layer by layer" if settings.layerwise else "whole",
        "batch tokens": settings.batch_tokens,
        "generated tokens": settings.generate,
        "dtype": str(settings.dtype),
        "trace": settings.trace,
    }
