"""Observes a model larger than memory: all prompts through one decoder block, then the next.

Between the blocks, hidden states wait on disk. A block is called by the model's own forward pass,
to which the waiting states are given as embeddings; every block but one hands on what it gets. So
masks, rotary embeddings and whatever else a family gives to a block are its own.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from expertswap.checkpoint.reading import Checkpoint
from expertswap.errors import ObservationError
from expertswap.observe.batches import Chunk, ModelInputs, model_inputs
from expertswap.observe.hook import observing
from expertswap.observe.loading import Skeleton
from expertswap.observe.recording import Recorder
from expertswap.observe.resuming import RunDirectory


class LayerByLayer:
    """One stage for each decoder block.

    Args:
        checkpoint: The model.
        domains: All domains of the prompts.
        dtype: Of the weights.
        device: Where to compute.
        directory: Where hidden states wait.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        domains: tuple[str, ...],
        dtype: torch.dtype,
        device: torch.device,
        directory: RunDirectory,
    ) -> None:
        self._skeleton = Skeleton(checkpoint, dtype=dtype, device=device)
        self._blocks = _decoder_blocks(self._skeleton.model.base_model)
        last = checkpoint.shape.moe_layers[-1]
        moe_layers = frozenset(checkpoint.shape.moe_layers)
        self.stages = tuple((layer,) if layer in moe_layers else () for layer in range(last + 1))
        self._checkpoint = checkpoint
        self._domains = domains
        self._directory = directory

    @contextmanager
    def stage(self, stage: int) -> Iterator[None]:
        """Hold the weights of one block, and before the first those of the embeddings."""
        family = self._checkpoint.family
        names = [name for name in self._checkpoint.tensors if family.layer_of(name) == stage]
        with self._skeleton.weights_of(self._blocks[stage], names):
            if stage > 0:
                yield
                return
            embeddings = self._skeleton.model.get_input_embeddings()
            with self._skeleton.weights_of(embeddings, self._embedding_names()):
                yield

    def run(self, stage: int, chunk_number: int, chunk: Chunk, recorder: Recorder) -> None:
        """Run some prompts through the block, and keep what the next one needs."""
        waiting = self._directory.hidden(stage, chunk_number) if stage else [None] * len(chunk)
        outputs = []
        with torch.inference_mode(), observing(self._skeleton.model, recorder):
            for batch, hidden_BTH in zip(chunk, waiting, strict=True):
                inputs = model_inputs(batch, domains=self._domains, device=self._skeleton.device)
                recorder.expect(inputs.prefill_labels())
                outputs.append(self._through_block(stage, inputs, hidden_BTH).cpu())
        if stage + 1 < len(self.stages):
            self._directory.keep_hidden(stage + 1, chunk_number, outputs)

    def _through_block(self, stage: int, inputs: ModelInputs, hidden_BTH: Tensor | None) -> Tensor:
        device = self._skeleton.device
        given = (
            {"input_ids": inputs.ids_BT}
            if hidden_BTH is None
            else {"inputs_embeds": hidden_BTH.to(device)}
        )
        with _ends_at(self._blocks, stage):
            try:
                self._skeleton.model.base_model(
                    **given,
                    attention_mask=inputs.mask_BT,
                    position_ids=inputs.position_BT,
                    use_cache=False,
                )
            except _BlockDone as done:
                return done.hidden_BTH
        raise ObservationError(f"The model's forward pass left out its decoder layer {stage}.")

    def _embedding_names(self) -> list[str]:
        """The checkpoint's names of the embeddings, which have a prefix in some checkpoints."""
        weight = self._skeleton.model.get_input_embeddings().weight
        own = next(name for name, one in self._skeleton.model.named_parameters() if one is weight)
        ending = ".".join(own.split(".")[-2:])
        return [name for name in self._checkpoint.tensors if name.endswith(ending)]


class _BlockDone(BaseException):
    """Ends a forward pass behind a block; no error, so no ``except Exception`` keeps it."""

    def __init__(self, hidden_BTH: Tensor) -> None:
        self.hidden_BTH = hidden_BTH


@contextmanager
def _ends_at(blocks: Sequence[nn.Module], last: int) -> Iterator[None]:
    """Blocks before the last hand on what they get; behind the last the forward pass ends."""

    def hand_on(hidden_BTH: Tensor, *_args: Any, **_kwargs: Any) -> Tensor:
        return hidden_BTH

    def end(_module: nn.Module, _args: Any, output: Tensor) -> None:
        raise _BlockDone(output)

    handle = blocks[last].register_forward_hook(end)
    for block in blocks[:last]:
        block.forward = hand_on
    try:
        yield
    finally:
        handle.remove()
        for block in blocks[:last]:
            del block.forward


def _decoder_blocks(decoder: nn.Module) -> Sequence[nn.Module]:
    blocks = getattr(decoder, "layers", None)
    if not isinstance(blocks, nn.ModuleList):
        raise ObservationError(
            f"{type(decoder).__name__} keeps its decoder blocks elsewhere than in `layers`.",
            fix="Observe it with --whole.",
        )
    return list(blocks)
