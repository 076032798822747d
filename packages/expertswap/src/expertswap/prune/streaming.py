"""Prune a checkpoint of any size: only bytes move, from file to file."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from expertswap.checkpoint import Checkpoint, CheckpointWriter
from expertswap.checkpoint.shards import Progress
from expertswap.checkpoint.whole_directory import check_output
from expertswap.checkpoint.writing import MAX_SHARD_BYTES
from expertswap.errors import PruningRefused
from expertswap.prune.tensors import Kept, kept_tensors

_NUMBERED_EXPERT = re.compile(r"experts\.\d+\b")


def pruned_bytes(checkpoint: Checkpoint, kept: Kept) -> int:
    """Bytes of the pruned model's tensors."""
    return sum(tensor.nbytes for tensor in kept_tensors(checkpoint, kept))


def write_pruned(
    checkpoint: Checkpoint,
    out: Path,
    kept: Kept,
    *,
    documents: Mapping[str, Any],
    max_shard_bytes: int = MAX_SHARD_BYTES,
    progress: Progress | None = None,
) -> None:
    """Write the model with the experts that stay, renumbered in their old order.

    Memory holds names and sizes only, whatever the size of the model.

    Args:
        checkpoint: The original.
        out: Directory to make.
        kept: Which experts stay, as many in each layer.
        documents: Further JSON files to write, by name.
        max_shard_bytes: A file is closed before it grows beyond this, unless by one tensor.
        progress: Called with the number of bytes after each piece written.

    Raises:
        OutputError: The output exists, or the disk is full; nothing is left of it.
        PruningRefused: The configuration or a tensor cannot be rewritten.
    """
    _check_quantization(checkpoint.config)
    check_output(out, nbytes=pruned_bytes(checkpoint, kept))
    num_kept = len(next(iter(kept.values())))
    with CheckpointWriter(
        out, like=checkpoint, max_shard_bytes=max_shard_bytes, progress=progress
    ) as writer:
        for tensor in kept_tensors(checkpoint, kept):
            writer.copy(tensor.name, tensor.entry, shape=tensor.shape, ranges=tensor.ranges)
        writer.config = checkpoint.family.with_experts(checkpoint.config, num_kept)
        writer.documents.update(documents)


def _check_quantization(config: Mapping[str, Any]) -> None:
    """Settings of quantisation that name single experts would name others afterwards."""
    if numbered := _NUMBERED_EXPERT.search(str(config)):
        raise PruningRefused(
            f"The configuration has settings for single experts ({numbered[0]}),"
            " which expertswap does not renumber.",
            fix="Prune the unquantised model.",
        )
