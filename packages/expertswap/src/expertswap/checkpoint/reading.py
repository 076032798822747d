"""A checkpoint in Hugging Face's layout, checked when opened and read tensor by tensor."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expertswap.checkpoint.completeness import check_complete
from expertswap.checkpoint.headers import TensorEntry
from expertswap.checkpoint.layout import read_config, read_index
from expertswap.errors import CheckpointDamaged, CheckpointError
from expertswap.families.base import ExpertTensor, Family, Role, StackedTensor
from expertswap.families.registry import family_of
from expertswap.types import ModelIdentity, MoeShape

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A model on disk; make one with ``Checkpoint.open``.

    Args:
        path: Its directory.
        config: What ``config.json`` holds.
        family: The family that knows its names.
        shape: Its sizes.
        tensors: Where each tensor lies, in the order of the files.
    """

    path: Path
    config: Mapping[str, Any]
    family: Family
    shape: MoeShape
    tensors: Mapping[str, TensorEntry]

    @classmethod
    def open(cls, path: Path, *, family: Family | None = None) -> "Checkpoint":
        """Check a model's directory and its files' headers; no weight is read.

        Args:
            path: The directory.
            family: Who knows its names; None to ask all that are installed.

        Raises:
            NotMixtureOfExperts: The model has no routed experts.
            UnknownFamily: No family knows it.
            CheckpointDamaged: A shard or an expert is missing or damaged.
            CheckpointError: The directory is no checkpoint.
        """
        config = read_config(path)
        family = family or family_of(config)
        tensors = read_index(path)
        checkpoint = cls(path, config, family, family.shape(config), tensors)
        located = ((tensors[name], found) for name, found in checkpoint._located.items())
        check_complete(located, checkpoint.shape, path)
        return checkpoint

    def locate(self, name: str) -> ExpertTensor | StackedTensor | None:
        """What a tensor has to do with the routed experts of the decoder; None for all others."""
        return self._located.get(name)

    def read(self, name: str, *, rows: slice | None = None) -> "torch.Tensor":
        """One tensor, in memory of its own.

        Args:
            name: Of which tensor.
            rows: Which part of its first axis, in steps of one; None for all.

        Raises:
            CheckpointError: There is no such tensor.
            CheckpointDamaged: Its bytes cannot be read.
        """
        import torch  # noqa: PLC0415 - seconds, and opening a checkpoint needs no torch

        entry = self._entry(name)
        shape, offset, nbytes = entry.shape, entry.offset, entry.nbytes
        if rows is not None:
            first, last, _ = rows.indices(shape[0])
            row_bytes = nbytes // max(shape[0], 1)
            shape = (last - first, *shape[1:])
            offset, nbytes = offset + first * row_bytes, (last - first) * row_bytes
        values = torch.empty(nbytes, dtype=torch.uint8)
        _fill(values.numpy().data, entry, offset=offset)
        return values.view(entry.dtype).reshape(shape)

    def read_bytes(self, name: str) -> bytes:
        """The bytes of one tensor as they are stored.

        Raises:
            CheckpointError: There is no such tensor.
            CheckpointDamaged: Its bytes cannot be read.
        """
        entry = self._entry(name)
        values = bytearray(entry.nbytes)
        _fill(memoryview(values), entry, offset=entry.offset)
        return bytes(values)

    @cached_property
    def expert_bytes(self) -> int:
        """Bytes of one expert of one layer as stored."""
        first_layer = self.shape.moe_layers[0]
        single = stacked = 0
        for name, found in self._located.items():
            if found.layer != first_layer:
                continue
            if isinstance(found, ExpertTensor):
                single += self.tensors[name].nbytes if found.expert == 0 else 0
            elif found.role is Role.EXPERT:
                stacked += self.tensors[name].nbytes
        return single + stacked // self.shape.num_experts

    @cached_property
    def fingerprint(self) -> str:
        """Of the sizes and the first router's weights; see ``ModelIdentity``."""
        digest = hashlib.sha256(json.dumps(asdict(self.shape), sort_keys=True).encode())
        digest.update(self.read_bytes(self._first_router))
        return digest.hexdigest()[:16]

    @cached_property
    def identity(self) -> ModelIdentity:
        """Which model this is, for recordings."""
        return ModelIdentity(self.path.resolve().name, self.fingerprint, self.shape)

    @cached_property
    def _first_router(self) -> str:
        first_layer = self.shape.moe_layers[0]
        return next(
            name
            for name, found in self._located.items()
            if isinstance(found, StackedTensor)
            and found.role is Role.ROUTER
            and found.layer == first_layer
        )

    @cached_property
    def _located(self) -> dict[str, ExpertTensor | StackedTensor]:
        layers = frozenset(self.shape.moe_layers)
        return {
            name: found
            for name in self.tensors
            if (found := self.family.locate(name)) and found.layer in layers
        }

    def _entry(self, name: str) -> TensorEntry:
        try:
            return self.tensors[name]
        except KeyError:
            raise CheckpointError(f"{self.path} has no tensor {name}.") from None


def _fill(memory: memoryview, entry: TensorEntry, *, offset: int) -> None:
    """Read until ``memory`` is full; one call of the system gives at most 2 GiB."""
    try:
        with entry.shard.open("rb", buffering=0) as file:
            file.seek(offset)
            while memory:
                count = file.readinto(memory)
                if not count:
                    raise CheckpointDamaged(f"{entry.shard} ends within {entry.name}.")
                memory = memory[count:]
    except OSError as error:
        raise CheckpointDamaged(f"{entry.shard} cannot be read: {error.strerror}.") from error
