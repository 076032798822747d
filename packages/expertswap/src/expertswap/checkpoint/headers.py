"""The head of a safetensors file: eight bytes of length, JSON, then the tensors' bytes.

Read and checked here without mapping the file, so that no weight counts towards our memory. The
format: https://huggingface.co/docs/safetensors.
"""

import json
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from expertswap.errors import CheckpointDamaged

if TYPE_CHECKING:
    import torch

LENGTH_BYTES = 8
MAX_HEADER_BYTES = 100_000_000
_DTYPES: dict[str, tuple[int, str | None]] = {
    "BOOL": (8, "bool"),
    "U8": (8, "uint8"),
    "I8": (8, "int8"),
    "U16": (16, "uint16"),
    "I16": (16, "int16"),
    "U32": (32, "uint32"),
    "I32": (32, "int32"),
    "U64": (64, "uint64"),
    "I64": (64, "int64"),
    "F16": (16, "float16"),
    "BF16": (16, "bfloat16"),
    "F32": (32, "float32"),
    "F64": (64, "float64"),
    "C64": (64, "complex64"),
    "F8_E4M3": (8, "float8_e4m3fn"),
    "F8_E4M3FNUZ": (8, "float8_e4m3fnuz"),
    "F8_E5M2": (8, "float8_e5m2"),
    "F8_E5M2FNUZ": (8, "float8_e5m2fnuz"),
    "F8_E8M0": (8, "float8_e8m0fnu"),
    "F6_E2M3": (6, None),
    "F6_E3M2": (6, None),
    "F4": (4, None),
}
"""What safetensors spells so: bits of an element, and torch's name where it has one."""

_CODES = {name: code for code, (_, name) in _DTYPES.items()}


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """Where a tensor lies.

    Args:
        name: Its name.
        shard: The file that holds it.
        dtype_code: Its type as safetensors spells it, as ``BF16``.
        shape: Its shape.
        offset: Where its bytes begin in the file.
        nbytes: How many they are.
    """

    name: str
    shard: Path
    dtype_code: str
    shape: tuple[int, ...]
    offset: int
    nbytes: int

    @property
    def dtype(self) -> "torch.dtype":
        """Its type.

        Raises:
            CheckpointDamaged: torch has no such type.
        """
        import torch  # noqa: PLC0415 - seconds, and most uses of an entry need no torch

        _, name = _DTYPES[self.dtype_code]
        if name is None:
            raise CheckpointDamaged(
                f"{self.shard} holds {self.name} as {self.dtype_code}, which torch does not read."
            )
        dtype: torch.dtype = getattr(torch, name)
        return dtype


def dtype_code_of(dtype: "torch.dtype") -> str:
    """A type as safetensors spells it.

    Raises:
        KeyError: safetensors has no such type.
    """
    return _CODES[str(dtype).removeprefix("torch.")]


def bits_per_element(dtype_code: str) -> int:
    """Bits of one element of a type."""
    return _DTYPES[dtype_code][0]


def read_header(shard: Path) -> list[TensorEntry]:
    """The tensors of one file, in the order of their bytes.

    Raises:
        CheckpointDamaged: The file is missing, truncated or no safetensors file.
    """
    try:
        with shard.open("rb") as file:
            described, start = _described(file, shard)
            size = file.seek(0, 2)
    except OSError as error:
        raise CheckpointDamaged(f"{shard} cannot be read: {error.strerror}.") from error
    entries = sorted(
        (_entry(name, value, start=start, shard=shard) for name, value in described.items()),
        key=lambda entry: (entry.offset, entry.nbytes),
    )
    expected = start
    for entry in entries:
        if entry.offset != expected:
            raise CheckpointDamaged(f"{shard} is damaged: {entry.name} is not where it should be.")
        expected += entry.nbytes
    if size != expected:
        raise CheckpointDamaged(
            f"{shard} is {'truncated' if size < expected else 'damaged'}: it has {size} bytes, and"
            f" its header tells of {expected}.",
            fix="Download it again.",
        )
    return entries


def _described(file: BinaryIO, shard: Path) -> tuple[dict[str, Any], int]:
    """The header's JSON without its metadata, and where the tensors begin."""
    try:
        (length,) = struct.unpack("<Q", file.read(LENGTH_BYTES))
        if length > MAX_HEADER_BYTES:
            raise ValueError(f"a header of {length} bytes")  # noqa: TRY301 - same end as bad JSON
        text = file.read(length)
        described = json.loads(text)
    except (struct.error, ValueError, RecursionError) as error:
        raise CheckpointDamaged(
            f"{shard} has no safetensors header: {error}.", fix="Download it again."
        ) from error
    if len(text) != length or not isinstance(described, dict):
        raise CheckpointDamaged(f"{shard} has no safetensors header.", fix="Download it again.")
    described.pop("__metadata__", None)
    return described, LENGTH_BYTES + length


def _entry(name: str, value: Any, *, start: int, shard: Path) -> TensorEntry:
    try:
        dtype_code, shape = value["dtype"], tuple(value["shape"])
        begin, end = value["data_offsets"]
        sound = all(type(size) is int and size >= 0 for size in (*shape, begin, end))
        known = sound and dtype_code in _DTYPES
        fits = known and (end - begin) * 8 == prod(shape) * bits_per_element(dtype_code)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointDamaged(
            f"{shard} is damaged: its header tells of {name} wrongly."
        ) from error
    if not fits:
        raise CheckpointDamaged(
            f"{shard} is damaged: {name} cannot be {dtype_code} of shape {shape} in the bytes"
            f" from {begin} to {end}."
        )
    return TensorEntry(name, shard, dtype_code, shape, start + begin, end - begin)
