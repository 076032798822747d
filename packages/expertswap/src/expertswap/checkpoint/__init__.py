"""Checkpoints on disk: read lazily, tensor by tensor; written whole or not at all."""
