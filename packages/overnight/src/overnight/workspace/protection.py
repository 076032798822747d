"""Which files and directories of a checkout are shown read-only: patterns in, paths out."""

from collections.abc import Iterable
from dataclasses import dataclass

from overnight.patterns import PathPatterns

MOST_MOUNTS = 400
_ANY_NEW_FILE = "a-file-that-is-not-there-yet"


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
    chosen = [path for path in files if protected.match(path)]
    whole = _whole_directories(chosen, protected)
    fixed = sorted({_outermost(path, whole) for path in chosen})
    if len(fixed) > MOST_MOUNTS:
        fixed = [path for path in fixed if path in whole][:MOST_MOUNTS]
    pinned = sorted({parent for path in fixed for parent in _parents(path)})
    return Protection(tuple(fixed), tuple(pinned))


def _whole_directories(paths: Iterable[str], protected: PathPatterns) -> set[str]:
    """Directories in which every name, also a new one, is protected."""
    directories = {parent for path in paths for parent in _parents(path)}
    return {place for place in directories if protected.match(f"{place}/{_ANY_NEW_FILE}")}


def _outermost(path: str, whole: set[str]) -> str:
    return next((parent for parent in _parents(path) if parent in whole), path)


def _parents(path: str) -> list[str]:
    """The directories above a path, outermost first."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
