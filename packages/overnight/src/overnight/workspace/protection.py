"""Which files and directories of a checkout are shown read-only: patterns in, paths out."""

from collections.abc import Iterable
from dataclasses import dataclass

from overnight.patterns import PathPatterns

MOST_MOUNTS = 400
_NEW_FILES = ("0", "zz.new", "Z/_/-")  # alike in nothing, so that only a pattern for all has all


@dataclass(frozen=True, slots=True)
class Protection:
    """How protected files are made unchangeable.

    Attributes:
        fixed: Directories that are protected as a whole, and single files.
        pinned: Directories that hold those, which must not be moved away with them.
    """

    fixed: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()


def protect(files: Iterable[str], protected: PathPatterns) -> Protection:
    """The fewest paths that hold every protected file.

    Beyond `MOST_MOUNTS` only directories are taken; what is left is for the check after the run.

    Args:
        files: Every file of the checkout, relative to its root.
    """
    if not protected:
        return Protection()
    every = list(files)
    chosen = [path for path in every if protected.match(path)]
    whole = _whole_directories(chosen, every, protected)
    fixed = sorted({_outermost(path, whole) for path in chosen})
    if len(fixed) > MOST_MOUNTS:
        fixed = [path for path in fixed if path in whole][:MOST_MOUNTS]
    pinned = sorted({parent for path in fixed for parent in _parents(path)})
    return Protection(tuple(fixed), tuple(pinned))


def _whole_directories(
    chosen: Iterable[str], files: Iterable[str], protected: PathPatterns
) -> set[str]:
    """Directories in which every name is protected, also one that is not there yet."""
    open_ones = {parent for path in files if not protected.match(path) for parent in _parents(path)}
    directories = {parent for path in chosen for parent in _parents(path)} - open_ones
    return {
        place
        for place in directories
        if all(protected.match(f"{place}/{name}") for name in _NEW_FILES)
    }


def _outermost(path: str, whole: set[str]) -> str:
    return next((parent for parent in _parents(path) if parent in whole), path)


def _parents(path: str) -> list[str]:
    """The directories above a path, outermost first."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
