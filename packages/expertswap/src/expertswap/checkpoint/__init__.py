"""Checkpoints on disk: read lazily, tensor by tensor; written whole or not at all."""

from expertswap.checkpoint.headers import TensorEntry
from expertswap.checkpoint.reading import Checkpoint

__all__ = ["Checkpoint", "TensorEntry"]
