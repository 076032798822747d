"""Observes a model that fits into memory: prefill, and greedy decoding on demand."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers import PreTrainedModel

from expertswap.checkpoint.reading import Checkpoint
from expertswap.observe.batches import Chunk, model_inputs
from expertswap.observe.forward import decode, prefill
from expertswap.observe.hook import observing
from expertswap.observe.loading import load_whole
from expertswap.observe.recording import Recorder


class WholeModel:
    """All layers in one stage.

    Args:
        checkpoint: The model.
        domains: All domains of the prompts.
        dtype: Of the weights.
        device: Where to compute.
        generate: Tokens to decode greedily after each prompt, fewer where the model ends.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        domains: tuple[str, ...],
        dtype: torch.dtype,
        device: torch.device,
        generate: int = 0,
    ) -> None:
        self.stages = (checkpoint.shape.moe_layers,)
        self._checkpoint = checkpoint
        self._domains = domains
        self._dtype = dtype
        self._device = device
        self._generate = generate
        self._model: PreTrainedModel | None = None

    @contextmanager
    def stage(self, _stage: int) -> Iterator[None]:
        """Hold the weights."""
        self._model = load_whole(self._checkpoint, dtype=self._dtype, device=self._device)
        try:
            yield
        finally:
            self._model = None

    def run(self, _stage: int, _chunk_number: int, chunk: Chunk, recorder: Recorder) -> None:
        """Run some prompts through the model."""
        assert self._model is not None  # noqa: S101 - inside ``stage``
        with torch.inference_mode(), observing(self._model, recorder):
            for batch in chunk:
                inputs = model_inputs(batch, domains=self._domains, device=self._device)
                if self._generate:
                    decode(self._model, inputs, recorder, steps=self._generate)
                else:
                    prefill(self._model, inputs, recorder)
