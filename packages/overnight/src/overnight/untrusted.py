"""Touching files that a foreign program may have put there."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from overnight.workspace.tree import discard


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
    """Make a path below a root out of real directories, in place of whatever stands in the way.

    Args:
        root: A directory that a foreign program may have filled, but not replaced.
        below: A relative path without ``..``.
        is_file: Whether its last part is to be a file, which is then empty.
    """
    *directories, last = below.parts if is_file else (*below.parts, None)
    place = root
    _make_directory(place)
    for part in filter(None, directories):
        place /= part
        _make_directory(place)
    if last is not None and not _is(stat.S_ISREG, place / last):
        discard(place / last)
        (place / last).touch()


def make_link(root: Path, below: Path, target: Path) -> None:
    """Make a symbolic link below a root, in place of whatever stands in the way."""
    make_real_directories(root, below.parent)
    discard(root / below)
    (root / below).symlink_to(target)


def _make_directory(place: Path) -> None:
    if not _is(stat.S_ISDIR, place):
        discard(place)
        place.mkdir()
    place.chmod(stat.S_IMODE(place.stat().st_mode) | stat.S_IRWXU)


def _is(kind: Callable[[int], bool], place: Path) -> bool:
    """Whether something of a kind stands at a path; a link is only ever a link."""
    try:
        return kind(place.lstat().st_mode)
    except FileNotFoundError:
        return False
