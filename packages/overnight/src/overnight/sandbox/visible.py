"""Which parts of hidden directories programs need: interpreters, tools and what they load.

Homes are hidden, but pyenv, conda, nvm and virtual environments live there. What is on the user's
PATH is shown read-only, with the installation that it belongs to and nothing beside it.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

_SIGNS_OF_INSTALLATION = (
    "pyvenv.cfg",
    "conda-meta",
    "lib/python3*",
    "lib/node_modules",
    "libexec/pyenv",
)
_PROGRAM_DIRECTORIES = ("bin", "sbin", "shims", "condabin", "Scripts")
# Directories that hold more than programs: of these only the parts that programs load.
_SHARED_PREFIXES: Mapping[str, tuple[str, ...]] = {
    ".local": ("bin", "lib", "share/uv", "share/pipx", "share/pnpm"),
    ".cargo": ("bin",),
}
_MOST_LINKS = 2_000


def installations(
    path: Sequence[Path], *, hidden: Sequence[Path], never: Sequence[Path]
) -> tuple[Path, ...]:
    """What of hidden directories must be readable for the programs on a PATH to work.

    Args:
        path: The entries of PATH.
        hidden: Directories that are hidden as a whole.
        never: What must not be shown, whole or in part; nothing above it is shown either.
    """
    wanted = (*path, *_own_prefixes())
    places = (place for entry in wanted for place in _installation(entry, hidden))
    return _outermost(place for place in places if not _holds_any(place, never))


def _holds_any(place: Path, others: Iterable[Path]) -> bool:
    return any(place == other or place in other.parents for other in others)


def path_entries(environ: Mapping[str, str]) -> list[Path]:
    """The directories on PATH that are there."""
    entries = environ.get("PATH", os.defpath).split(os.pathsep)
    return [Path(entry) for entry in entries if Path(entry).is_absolute() and Path(entry).is_dir()]


def is_below(path: Path, directories: Iterable[Path]) -> bool:
    """Whether a path is one of some directories or below one."""
    return any(path == directory or directory in path.parents for directory in directories)


def _own_prefixes() -> tuple[Path, ...]:
    """Where this program's interpreter is, which the sandbox's own helper runs on."""
    return tuple(Path(prefix) / "bin" for prefix in {sys.prefix, sys.base_prefix})


def _installation(entry: Path, hidden: Sequence[Path]) -> Iterator[Path]:
    """What belongs to one directory of programs, as far as it is hidden."""
    if is_below(entry, hidden):
        yield from _prefix_of(entry)
    for program in _linked_programs(entry):
        if is_below(program, hidden):
            yield from _prefix_of(program.parent)
    base = _base_of_environment(entry.parent)
    if base is not None and is_below(base, hidden):
        yield from _prefix_of(base)


def _prefix_of(directory: Path) -> Iterator[Path]:
    """The installation that a directory of programs belongs to, or the directory alone."""
    prefix = directory.parent
    if prefix.name in _SHARED_PREFIXES:
        parts = (prefix / part for part in _SHARED_PREFIXES[prefix.name])
        yield from (part for part in parts if part.exists())
    else:
        yield prefix if _is_installation(prefix, programs=directory.name) else directory


def _is_installation(prefix: Path, *, programs: str) -> bool:
    if prefix.name == "node_modules":
        return programs == ".bin"
    signs = (next(prefix.glob(sign), None) for sign in _SIGNS_OF_INSTALLATION)
    return programs in _PROGRAM_DIRECTORIES and any(sign is not None for sign in signs)


def _linked_programs(entry: Path) -> Iterator[Path]:
    """Where the links in a directory of programs lead, outside of it."""
    try:
        programs = list(islice(entry.iterdir(), _MOST_LINKS))
    except OSError:
        return
    for program in programs:
        if program.is_symlink():
            real = program.resolve()
            if real.parent != entry and real.is_file():
                yield real


def _base_of_environment(prefix: Path) -> Path | None:
    """The directory of the interpreter that a virtual environment was made from."""
    try:
        lines = (prefix / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    settings = dict(part for line in lines if len(part := line.split(" = ", 1)) == 2)
    home = settings.get("home")
    return Path(home) if home and Path(home).is_absolute() else None


def _outermost(places: Iterable[Path]) -> tuple[Path, ...]:
    """Each place once, without those that another holds."""
    known = set(places)
    return tuple(sorted(place for place in known if not known.intersection(place.parents)))
