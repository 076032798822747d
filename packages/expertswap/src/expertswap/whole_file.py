"""Writes a file so that it is never half there."""

from pathlib import Path

from expertswap.errors import OutputError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file; ``path`` is either all of it or untouched.

    Raises:
        OutputError: It cannot be written, or the disk is full.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OutputError(f"{path} cannot be written: {error.strerror}.") from error
