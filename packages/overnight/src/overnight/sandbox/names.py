"""Names that lead through symbolic links, such as a home directory that was moved to another disk.

Mounts are made where the kernel says that a file is. The links on the way there may lie in what is
hidden, so they are made again inside, and a command finds its files by both names.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

_MOST_LINKS = 40  # as many as the kernel follows


def links_on_the_way(names: Iterable[Path]) -> tuple[tuple[Path, Path], ...]:
    """Every symbolic link that some names lead through: where it really is, and what it says."""
    return tuple(dict.fromkeys(link for name in names for link in _links(name)))


def is_there(path: Path) -> bool:
    """Whether a file can be reached; one behind a directory that is closed to us cannot."""
    try:
        return path.exists()
    except OSError:
        return False


def existing(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Those paths that are there, each once, by the name that the kernel gives them."""
    return tuple(dict.fromkeys(path.resolve() for path in paths if is_there(path)))


def _links(name: Path) -> Iterator[tuple[Path, Path]]:
    place, rest = Path("/"), deque(name.absolute().parts[1:])
    found = 0
    while rest and found < _MOST_LINKS:
        part = rest.popleft()
        here = place.parent if part == ".." else place / part
        if not _is_link(here):
            place = here
            continue
        target = here.readlink()
        yield here, target
        found += 1
        rest.extendleft(reversed(target.parts[target.is_absolute() :]))
        place = Path("/") if target.is_absolute() else place


def _is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except OSError:
        return False
