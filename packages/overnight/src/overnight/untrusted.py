"""Touching files that a foreign program may have put there."""

import os
import stat
from pathlib import Path


def read_small_file(path: Path, *, most_bytes: int) -> bytes | None:
    """A small regular file's content; links, pipes, directories and giants count as absent."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > most_bytes:
            return None
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(most_bytes + 1)
    finally:
        os.close(descriptor)
    return content if len(content) <= most_bytes else None


def make_real_directories(root: Path, below: Path, *, is_file: bool = False) -> None:
    """Make a path below a root out of real directories, in place of links that stand in the way.

    Args:
        root: A real directory.
        below: A relative path without ``..``.
        is_file: Whether its last part is to be a file, which is then empty.
    """
    place = root
    *directories, last = below.parts
    for part in directories if is_file else below.parts:
        place /= part
        if place.is_symlink() or not place.is_dir():
            place.unlink(missing_ok=True)
            place.mkdir()
    if is_file and ((place / last).is_symlink() or not (place / last).is_file()):
        (place / last).unlink(missing_ok=True)
        (place / last).touch()
