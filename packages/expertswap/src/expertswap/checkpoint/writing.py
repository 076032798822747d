"""A checkpoint written whole or not at all."""

import json
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from copy import deepcopy
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from expertswap.checkpoint.headers import TensorEntry, dtype_code_of
from expertswap.checkpoint.layout import CONFIG, INDEX, SINGLE
from expertswap.checkpoint.reading import Checkpoint
from expertswap.checkpoint.shards import ByteRange, Part, Progress, write_shard
from expertswap.checkpoint.whole_directory import whole_directory

if TYPE_CHECKING:
    import torch

MAX_SHARD_BYTES = 4 * 10**9
_WEIGHTS = {".safetensors", ".bin", ".pt", ".pth", ".gguf", ".onnx", ".h5", ".msgpack", ".ckpt"}


class CheckpointWriter:
    """Writes a checkpoint that appears under its name once all of it is on disk.

    ::

        with CheckpointWriter(out, like=checkpoint) as writer:
            for name, entry in checkpoint.tensors.items():
                writer.copy(name, entry)
            writer.config["num_experts"] = 64

    Tokenizer, licence and other small files come along. Tensors that are added wait in memory
    until a shard is full; those that are copied take none.

    Args:
        out: Directory to make.
        like: The checkpoint whose configuration and other files it starts from.
        max_shard_bytes: A file is closed before it grows beyond this, unless by one tensor.
        progress: Called with the number of bytes after each piece written.

    Raises:
        OutputError: The output exists, or cannot be written; nothing is left of it.
    """

    def __init__(
        self,
        out: Path,
        *,
        like: Checkpoint,
        max_shard_bytes: int = MAX_SHARD_BYTES,
        progress: Progress | None = None,
    ) -> None:
        self.config: dict[str, Any] = deepcopy(dict(like.config))
        self.documents: dict[str, Any] = {}
        """Further JSON files to write, by name."""
        self.nbytes = 0
        """Bytes of all tensors so far."""
        self._out = out
        self._like = like
        self._max_shard_bytes = max_shard_bytes
        self._progress = progress or (lambda _nbytes: None)
        self._names: set[str] = set()
        self._waiting: list[Part] = []
        self._waiting_bytes = 0
        self._shards: list[tuple[Path, list[str]]] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._partial = self._stack.enter_context(whole_directory(self._out))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self._stack.__exit__(kind, error, traceback)
            return
        with self._stack:
            self._finish()

    def add(self, name: str, tensor: "torch.Tensor") -> None:
        """Add a tensor of any device; it waits in memory until its shard is full."""
        import torch  # noqa: PLC0415 - seconds, and copying needs no torch

        values = tensor.detach().cpu().contiguous()
        content = values.reshape(-1).view(torch.uint8).numpy().data
        self._append(Part(name, dtype_code_of(tensor.dtype), tuple(tensor.shape), content))

    def copy(
        self,
        name: str,
        entry: TensorEntry,
        *,
        shape: tuple[int, ...] | None = None,
        ranges: Sequence[ByteRange] | None = None,
    ) -> None:
        """Add a stored tensor, or parts of it, byte by byte.

        Args:
            name: What to call it here.
            entry: Where it lies.
            shape: Its new shape; None where it stays.
            ranges: Which of its bytes; None for all.
        """
        if shape is None:
            shape = entry.shape
        if ranges is None:
            ranges = (ByteRange(entry.shard, entry.offset, entry.nbytes),)
        self._append(Part(name, entry.dtype_code, shape, ranges))

    def _append(self, part: Part) -> None:
        if part.name in self._names:
            raise ValueError(f"{part.name} was added before")
        self._names.add(part.name)
        nbytes = part.nbytes
        if self._waiting and self._waiting_bytes + nbytes > self._max_shard_bytes:
            self._write_waiting()
        self._waiting.append(part)
        self._waiting_bytes += nbytes
        self.nbytes += nbytes

    def _write_waiting(self) -> None:
        path = self._partial / f"{len(self._shards)}.safetensors"
        write_shard(path, self._waiting, progress=self._progress)
        self._shards.append((path, [part.name for part in self._waiting]))
        self._waiting, self._waiting_bytes = [], 0

    def _finish(self) -> None:
        self._write_waiting()
        _copy_side_files(self._like.path, self._partial, but={CONFIG, INDEX, *self.documents})
        for name, document in self.documents.items():
            _write_json(self._partial / name, document)
        self._name_shards()
        _write_json(self._partial / CONFIG, self.config)

    def _name_shards(self) -> None:
        """Names with the number of shards, which is known only now, and their index."""
        if len(self._shards) == 1:
            self._shards[0][0].rename(self._partial / SINGLE)
            return
        weight_map: dict[str, str] = {}
        for number, (path, names) in enumerate(self._shards, start=1):
            shard = f"model-{number:05}-of-{len(self._shards):05}.safetensors"
            path.rename(self._partial / shard)
            weight_map |= dict.fromkeys(names, shard)
        index = {"metadata": {"total_size": self.nbytes}, "weight_map": weight_map}
        _write_json(self._partial / INDEX, index)


def _copy_side_files(source: Path, target: Path, *, but: set[str]) -> None:
    """Copy what is neither weights nor hidden; folders too, if they hold no weights."""
    for path in sorted(source.iterdir()):
        if path.name in but or path.name.startswith(".") or path.suffix in _WEIGHTS:
            continue
        if path.is_file():
            shutil.copyfile(path, target / path.name)
        elif path.is_dir() and not any(inner.suffix in _WEIGHTS for inner in path.rglob("*")):
            shutil.copytree(path, target / path.name)


def _write_json(path: Path, document: Any) -> None:
    with path.open("w") as file:
        json.dump(document, file, indent=2)
        file.write("\n")
