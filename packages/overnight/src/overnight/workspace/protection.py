"""Which files of a checkout are shown read-only, and what could be imported in their place."""

import os
from collections.abc import Container, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from overnight.patterns import PathPatterns

MOST_MOUNTS = 200  # bubblewrap takes time for each that grows with their number
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

    @property
    def mounts(self) -> int:
        """How many mounts that takes."""
        return len(self.fixed) + len(self.pinned)


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
    protection = _of({_outermost(path, whole) for path in chosen})
    if protection.mounts > MOST_MOUNTS:
        protection = _of({path for path in protection.fixed if path in whole})
    return protection if protection.mounts <= MOST_MOUNTS else Protection()


def _of(fixed: Iterable[str]) -> Protection:
    pinned = {parent for path in fixed for parent in _parents(path)}
    return Protection(tuple(sorted(fixed)), tuple(sorted(pinned)))


def shadowed(root: Path, protected: Iterable[str], tracked: Container[str]) -> list[str]:
    """Protected Python files in whose place Python would import something that is not tracked.

    Args:
        root: The checkout.
        protected: Protected files, relative to it.
        tracked: All files that belong there.
    """
    sources = {path for path in protected if path.endswith(".py")}
    places = {PurePosixPath(path).parent for path in sources}
    found = (pair for place in places for pair in _preferred(root, place))
    return sorted({str(source) for path, source in found if str(path) not in tracked} & sources)


def _preferred(root: Path, place: PurePosixPath) -> Iterator[tuple[PurePosixPath, PurePosixPath]]:
    """What Python would rather import from a directory than a source file, and which that is."""
    with suppress(OSError), os.scandir(root / place) as entries:
        for entry in entries:
            path, source = place / entry.name, place / f"{entry.name.partition('.')[0]}.py"
            if entry.name.endswith(".so"):
                yield path, source
            elif entry.is_dir():
                yield from ((path / inner.name, source) for inner in Path(entry).glob("__init__.*"))


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
