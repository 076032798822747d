"""Checkpoints on disk: read lazily, tensor by tensor; written whole or not at all."""

from expertswap.checkpoint.headers import TensorEntry
from expertswap.checkpoint.reading import Checkpoint
from expertswap.checkpoint.shards import ByteRange
from expertswap.checkpoint.writing import CheckpointWriter

__all__ = ["ByteRange", "Checkpoint", "CheckpointWriter", "TensorEntry"]
