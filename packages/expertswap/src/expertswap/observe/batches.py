"""Which prompts share a forward pass, and the tensors of that pass."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from expertswap.prompts.tokens import TokenizedPrompt

_BATCHES_PER_CHUNK = 8

Batch: TypeAlias = tuple[TokenizedPrompt, ...]
Chunk: TypeAlias = tuple[Batch, ...]


@dataclass(frozen=True, eq=False, slots=True)
class TokenLabels:
    """Which tokens of a forward pass count, and what they are; N of them.

    Args:
        rows_N: int64 (N,), their places among the (B·T) tokens of the pass.
        domain_N: int64 (N,), numbers of their domains, on the device of ``rows_N``.
        prompt_N: int32 (N,), numbers of their prompts.
        position_N: int32 (N,), their places in their prompts.
        is_decoded: They were generated: each is a step of its own.
    """

    rows_N: Tensor
    domain_N: Tensor
    prompt_N: NDArray[np.int32]
    position_N: NDArray[np.int32]
    is_decoded: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class ModelInputs:
    """A batch as a model takes it: padded on the left, which greedy decoding needs.

    Args:
        ids_BT: int64 (B, T), tokens.
        mask_BT: int64 (B, T), one where there is a token.
        position_BT: int64 (B, T), places in the prompts; 0 for padding.
        domain_B: int64 (B,), numbers of the prompts' domains.
        prompt_B: int64 (B,), numbers of the prompts.
    """

    ids_BT: Tensor
    mask_BT: Tensor
    position_BT: Tensor
    domain_B: Tensor
    prompt_B: Tensor

    def prefill_labels(self) -> TokenLabels:
        """What the tokens of the pass over the prompts are."""
        rows_N = self.mask_BT.reshape(-1).nonzero()[:, 0]
        of_prompt_N = rows_N // self.mask_BT.shape[1]
        return self._labels(rows_N, of_prompt_N, self.position_BT.reshape(-1)[rows_N])

    def decoded_labels(self, is_alive_B: Tensor, position_B: Tensor) -> TokenLabels:
        """What the tokens of a pass over one more token of each prompt are.

        Args:
            is_alive_B: bool (B,), false for prompts whose answer has ended.
            position_B: int64 (B,), places of the new tokens.
        """
        rows_N = is_alive_B.nonzero()[:, 0]
        return self._labels(rows_N, rows_N, position_B[rows_N], is_decoded=True)

    def _labels(
        self, rows_N: Tensor, of_prompt_N: Tensor, position_N: Tensor, *, is_decoded: bool = False
    ) -> TokenLabels:
        return TokenLabels(
            rows_N=rows_N,
            domain_N=self.domain_B[of_prompt_N],
            prompt_N=self.prompt_B[of_prompt_N].cpu().numpy().astype(np.int32),
            position_N=position_N.cpu().numpy().astype(np.int32),
            is_decoded=is_decoded,
        )


def chunks_of(prompts: Sequence[TokenizedPrompt], *, batch_tokens: int) -> tuple[Chunk, ...]:
    """Batches of prompts in their order, by chunks; inside a chunk like lengths go together.

    Args:
        prompts: None of them empty.
        batch_tokens: Most tokens of a batch, padding included. A longer prompt goes alone.
    """
    chunks: list[Chunk] = []
    waiting: list[TokenizedPrompt] = []
    for prompt in prompts:
        waiting.append(prompt)
        if sum(map(len, waiting)) >= _BATCHES_PER_CHUNK * batch_tokens:
            chunks.append(_batches(waiting, batch_tokens))
            waiting = []
    return (*chunks, _batches(waiting, batch_tokens)) if waiting else tuple(chunks)


def _batches(prompts: Sequence[TokenizedPrompt], batch_tokens: int) -> Chunk:
    batches: list[Batch] = []
    rows: list[TokenizedPrompt] = []
    for prompt in sorted(prompts, key=len):
        if rows and (len(rows) + 1) * len(prompt) > batch_tokens:
            batches.append(tuple(rows))
            rows = []
        rows.append(prompt)
    return (*batches, tuple(rows))


def num_tokens(chunks: Iterable[Chunk]) -> int:
    """Tokens of the prompts."""
    return sum(len(prompt) for chunk in chunks for batch in chunk for prompt in batch)


def padded_tokens(chunks: Iterable[Chunk]) -> int:
    """Tokens that are computed, padding included."""
    return sum(len(batch) * max(map(len, batch)) for chunk in chunks for batch in chunk)


def model_inputs(batch: Batch, *, domains: Sequence[str], device: torch.device) -> ModelInputs:
    """The tensors of a batch on a device."""
    B, T = len(batch), max(map(len, batch))
    ids_BT, mask_BT = np.zeros((B, T), np.int64), np.zeros((B, T), np.int64)
    for row, prompt in enumerate(batch):
        ids_BT[row, T - len(prompt) :] = prompt.token_ids
        mask_BT[row, T - len(prompt) :] = 1
    position_BT = np.maximum(mask_BT.cumsum(axis=1) - 1, 0)
    domain_B = np.array([domains.index(prompt.domain) for prompt in batch], np.int64)
    prompt_B = np.array([prompt.number for prompt in batch], np.int64)
    arrays = (ids_BT, mask_BT, position_BT, domain_B, prompt_B)
    return ModelInputs(*(torch.from_numpy(values).to(device) for values in arrays))
