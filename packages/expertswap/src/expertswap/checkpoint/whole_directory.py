"""A directory that appears under its name once all of it is on disk, or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from expertswap.errors import OutputError
from expertswap.sizes import tell_bytes


def check_output(out: Path, *, nbytes: int) -> None:
    """See that so many bytes can be written, before anything long begins.

    Raises:
        OutputError: The output exists, or its disk has no room.
    """
    if out.exists() or out.is_symlink():
        raise OutputError(f"{out} exists.", fix="Name another output, or remove it.")
    folder = next(parent for parent in out.absolute().parents if parent.exists())
    free = shutil.disk_usage(folder).free
    if nbytes > free:
        raise OutputError(
            f"{out.name} has {tell_bytes(nbytes)}, and {folder} has {tell_bytes(free)} free.",
            fix="Make room, or name another disk.",
        )


@contextmanager
def whole_directory(out: Path) -> Iterator[Path]:
    """Write into a hidden directory beside ``out``, which gets its name at the end.

    Whatever fails or interrupts, nothing is left. A process that is killed leaves the hidden
    directory, ``.NAME.partial-PID``.

    Args:
        out: The directory's name.

    Yields:
        Where to write.

    Raises:
        OutputError: The output exists, or the disk is full.
    """
    check_output(out, nbytes=0)
    partial = out.parent / f".{out.name}.partial-{os.getpid()}"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        for path in (*partial.rglob("*"), partial):
            _sync(path)
        partial.rename(out)
        _sync(out.parent)
    except OSError as error:
        raise OutputError(
            f"{out} could not be written: {error.strerror or error}. Nothing is left of it."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _sync(path: Path) -> None:
    """Wait until a file is on disk; a directory too, where the file system can say so."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError) if path.is_dir() else nullcontext():
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
