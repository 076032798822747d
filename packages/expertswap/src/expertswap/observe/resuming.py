"""What an observation has done so far, on disk, so that one that was killed goes on.

A run's directory holds ``run.json`` (of what it is), one file of sums per stage, and per stage and
chunk of prompts the routing and the hidden states that wait for the next block. Every file appears
whole or not at all; the sums of a stage say how many chunks are in them.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors import numpy as numpy_files
from safetensors import torch as torch_files
from torch import Tensor

from expertswap.errors import ObservationError, OutputError
from expertswap.observe.recording import Routing
from expertswap.sizes import tell_bytes

_CHUNKS_DONE = "chunks_done"


class RunDirectory:
    """The state of one observation.

    Args:
        path: Where it is kept; made by ``begin``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, about: Mapping[str, object], *, resume: bool) -> None:
        """Start, or go on with the same run.

        Args:
            about: Everything that decides about the result, as JSON.
            resume: Whether going on is what is wanted.

        Raises:
            ObservationError: There is an unfinished run, and it is of something else or was not
                to be gone on with.
        """
        noted = self.path / "run.json"
        if not noted.exists():
            with self._writing():
                self.path.mkdir(parents=True, exist_ok=True)
            self._write(noted, lambda path: path.write_text(json.dumps(about)))
            return
        if not resume:
            raise ObservationError(
                f"An unfinished observation is in {self.path}.",
                fix="Go on with it by --resume, or delete it.",
            )
        before = _read_json(noted)
        changed = [name for name in about if before.get(name) != about[name]]
        if changed:
            raise ObservationError(
                f"{self.path} is of another observation: its {', '.join(changed)} differ.",
                fix="Repeat the command that began it, or delete the directory.",
            )

    def require(self, free_bytes: int) -> None:
        """See that hidden states will find room.

        Raises:
            OutputError: They will not.
        """
        free = shutil.disk_usage(self.path).free
        waiting = sum(file.stat().st_size for file in self.path.glob("hidden-*"))
        if free + waiting < free_bytes:
            raise OutputError(
                f"The hidden states of these prompts need {tell_bytes(free_bytes)} in"
                f" {self.path}, and {tell_bytes(free + waiting)} are free.",
                fix="Make room, give --out on a larger disk, or give fewer prompts.",
            )

    def chunks_done(self, stage: int) -> int:
        """How many chunks of prompts a stage has behind it."""
        path = self._sums(stage)
        return int(_metadata(path)[_CHUNKS_DONE]) if path.exists() else 0

    def keep(
        self,
        stage: int,
        chunk: int,
        *,
        sums: Mapping[str, NDArray[Any]],
        routing: Routing | None,
    ) -> None:
        """Note that a stage has done a chunk.

        Args:
            stage: Which stage.
            chunk: Number of the chunk.
            sums: Of this chunk and all before it.
            routing: Of this chunk; None where it is not kept.

        Raises:
            OutputError: It cannot be written.
        """
        if routing is not None:
            arrays = routing.arrays()
            target = self._routing(stage, chunk)
            self._write(target, lambda path: numpy_files.save_file(arrays, path))
        done = {_CHUNKS_DONE: str(chunk + 1)}
        self._write(
            self._sums(stage), lambda path: numpy_files.save_file(dict(sums), path, metadata=done)
        )
        self._hidden(stage, chunk).unlink(missing_ok=True)

    def sums(self, stage: int) -> dict[str, NDArray[Any]]:
        """The sums of a stage so far."""
        return _arrays(self._sums(stage))

    def routing(self, stage: int, chunk: int) -> Routing:
        """The routing of one stage in one chunk."""
        return Routing(**_arrays(self._routing(stage, chunk)))

    def keep_hidden(self, stage: int, chunk: int, batches_BTH: Sequence[Tensor]) -> None:
        """Let the hidden states of a chunk's batches wait for a stage."""
        tensors = {str(number): batch for number, batch in enumerate(batches_BTH)}
        self._write(self._hidden(stage, chunk), lambda path: torch_files.save_file(tensors, path))

    def hidden(self, stage: int, chunk: int) -> Iterator[torch.Tensor]:
        """What waits for a stage, batch by batch."""
        path = self._hidden(stage, chunk)
        with _reading(path), safe_open(path, framework="pt") as file:
            for number in range(len(file.keys())):
                yield file.get_tensor(str(number))

    def remove(self) -> None:
        """Delete everything; the run is finished."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _sums(self, stage: int) -> Path:
        return self.path / f"sums-{stage:03}.safetensors"

    def _routing(self, stage: int, chunk: int) -> Path:
        return self.path / f"routing-{stage:03}-{chunk:06}.safetensors"

    def _hidden(self, stage: int, chunk: int) -> Path:
        return self.path / f"hidden-{stage:03}-{chunk:06}.safetensors"

    def _write(self, path: Path, write: Callable[[Path], object]) -> None:
        partial = path.with_suffix(".partial")
        try:
            with self._writing():
                write(partial)
                partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, SafetensorError) as error:
            raise OutputError(
                f"{self.path} cannot be written: {error}. What was done before is kept.",
                fix="Make room and go on with --resume.",
            ) from error


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise ObservationError(
            f"{path} cannot be read: {error}.", fix="Delete its directory and begin again."
        ) from error


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    with _reading(path):
        return numpy_files.load_file(path)


def _metadata(path: Path) -> dict[str, str]:
    with _reading(path), safe_open(path, framework="numpy") as file:
        return dict(file.metadata())


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ObservationError(
            f"{path} cannot be read: {error}.", fix="Delete its directory and begin again."
        ) from error
    return values if isinstance(values, dict) else {}
