"""One safetensors file, written from tensors in memory and from byte ranges of other files.

Bytes that only get another name go from file to file inside the kernel and never through our
memory.
"""

import errno
import json
import os
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from expertswap.checkpoint.headers import LENGTH_BYTES, bits_per_element
from expertswap.errors import CheckpointDamaged

_CHUNK_BYTES = 16 * 2**20
_NO_KERNEL_COPY = {errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ETXTBSY}

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Some bytes of a file.

    Args:
        file: Of which file.
        offset: Where they begin.
        nbytes: How many.
    """

    file: Path
    offset: int
    nbytes: int


@dataclass(frozen=True, slots=True)
class Part:
    """A tensor to be written.

    Args:
        name: Its name.
        dtype_code: Its type as safetensors spells it.
        shape: Its shape.
        content: Its bytes: in memory, or where they lie in files.
    """

    name: str
    dtype_code: str
    shape: tuple[int, ...]
    content: memoryview | Sequence[ByteRange]

    @property
    def nbytes(self) -> int:
        """Bytes it has."""
        if isinstance(self.content, memoryview):
            return self.content.nbytes
        return sum(piece.nbytes for piece in self.content)


def write_shard(path: Path, parts: Iterable[Part], *, progress: Progress) -> None:
    """Write a safetensors file.

    Args:
        path: A file that does not exist.
        parts: Its tensors. They are laid down by falling width of their elements, as readers
            rely on alignment, and else in the order given.
        progress: Called with the number of bytes after each piece.

    Raises:
        CheckpointDamaged: A file that is copied from ends too early.
        OSError: The disk is full, or a file cannot be read or written.
    """
    ordered = sorted(parts, key=lambda part: -bits_per_element(part.dtype_code))
    with path.open("xb", buffering=0) as out:
        _write_all(out, memoryview(_header(ordered)))
        for part in ordered:
            if isinstance(part.content, memoryview):
                _write_all(out, part.content)
                progress(part.nbytes)
                continue
            for piece in part.content:
                _copy(piece, out, progress)


def _header(parts: Iterable[Part]) -> bytes:
    """The length and the JSON of a header, padded so that the tensors begin at eight bytes."""
    described: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for part in parts:
        begin, end = end, end + part.nbytes
        described[part.name] = {
            "dtype": part.dtype_code,
            "shape": part.shape,
            "data_offsets": (begin, end),
        }
    text = json.dumps(described, separators=(",", ":")).encode()
    text += b" " * (-len(text) % LENGTH_BYTES)
    return struct.pack("<Q", len(text)) + text


def _copy(piece: ByteRange, out: BinaryIO, progress: Progress) -> None:
    try:
        source = piece.file.open("rb", buffering=0)
    except OSError as error:
        raise CheckpointDamaged(f"{piece.file} cannot be read: {error.strerror}.") from error
    with source:
        offset, end = piece.offset, piece.offset + piece.nbytes
        while offset < end:
            count = _copy_some(source, out, offset=offset, nbytes=min(end - offset, _CHUNK_BYTES))
            if not count:
                raise CheckpointDamaged(f"{piece.file} ended while it was copied.")
            offset += count
            progress(count)


def _copy_some(source: BinaryIO, out: BinaryIO, *, offset: int, nbytes: int) -> int:
    """Copy inside the kernel where it can do that between these files, else through memory."""
    try:
        if count := os.copy_file_range(source.fileno(), out.fileno(), nbytes, offset):
            return count
    except OSError as error:
        if error.errno not in _NO_KERNEL_COPY:
            raise
    values = os.pread(source.fileno(), nbytes, offset)
    _write_all(out, memoryview(values))
    return len(values)


def _write_all(out: BinaryIO, values: memoryview) -> None:
    while values:
        values = values[out.write(values) :]
