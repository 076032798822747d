"""Which parts of hidden directories programs need: interpreters, tools and what they load.

Homes are hidden, but pyenv, conda, nvm and virtual environments live there. What is on the user's
PATH is shown read-only, with the installation that it belongs to and nothing beside it.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from overnight.sandbox.names import is_there

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
    ".local": ("bin", "lib", "share/uv/python", "share/uv/tools", "share/pipx", "share/pnpm"),
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
    named = {entry.resolve() for entry in (*path, *_own_programs())}
    linked = {place for entry in named for place in _linked_places(entry)}
    wanted = (place for place in named | set(filter(_is_tool, linked)) if is_below(place, hidden))
    shown = (part for place in wanted for part in _installation(place, never))
    return _outermost(place for place in shown if not holds_any(place, never))


def holds_any(place: Path, others: Iterable[Path]) -> bool:
    """Whether a path is one of some others or above one."""
    return any(place == other or place in other.parents for other in others)


def path_entries(environ: Mapping[str, str]) -> list[Path]:
    """The directories on PATH that are there."""
    entries = map(Path, environ.get("PATH", os.defpath).split(os.pathsep))
    return [entry for entry in entries if entry.is_absolute() and is_there(entry)]


def is_below(path: Path, directories: Iterable[Path]) -> bool:
    """Whether a path is one of some directories or below one."""
    return not {path, *path.parents}.isdisjoint(directories)


def _own_programs() -> tuple[Path, ...]:
    """Where this program's interpreter is, which the sandbox's own helper runs on."""
    return tuple(Path(prefix) / "bin" for prefix in {sys.prefix, sys.base_prefix})


def _linked_places(entry: Path) -> Iterator[Path]:
    """The directories of programs that those in a directory lead to."""
    yield from (program.parent for program in _linked_programs(entry))
    base = _base_of_environment(entry.parent)
    if base is not None:
        yield base.resolve()


def _is_tool(place: Path) -> bool:
    """Whether a directory belongs to something installed, not to a project of the user's."""
    if _is_installation(place.parent, programs=place.name):
        return True
    return not any(is_there(directory / ".git") for directory in (place, *place.parents))


def _installation(directory: Path, never: Sequence[Path]) -> Iterator[Path]:
    """What the programs in a directory need: their installation, or as much as may be shown."""
    prefix = directory.parent
    if prefix.name in _SHARED_PREFIXES:
        parts = (prefix / part for part in _SHARED_PREFIXES[prefix.name])
        yield from (part for part in parts if is_there(part))
    elif not _is_installation(prefix, programs=directory.name):
        yield directory
    elif holds_any(prefix, never):
        yield from (directory, prefix / "lib")
    else:
        yield prefix


def _is_installation(prefix: Path, *, programs: str) -> bool:
    if prefix.name == "node_modules":
        return programs == ".bin"
    return programs in _PROGRAM_DIRECTORIES and any(
        _holds(prefix, sign) for sign in _SIGNS_OF_INSTALLATION
    )


def _holds(prefix: Path, pattern: str) -> bool:
    try:
        return next(prefix.glob(pattern), None) is not None
    except OSError:
        return False


def _linked_programs(entry: Path) -> Iterator[Path]:
    """Where the links in a directory of programs lead, outside of it."""
    try:
        with os.scandir(entry) as listing:
            programs = list(islice(listing, _MOST_LINKS))
    except OSError:
        return
    for program in programs:
        if _names_another_directory(program):
            real = Path(program).resolve()
            if real.parent != entry and is_there(real):
                yield real


def _names_another_directory(program: os.DirEntry[str]) -> bool:
    """Whether it is a link that leads out by itself; a neighbour that it names is looked at too."""
    try:
        return program.is_symlink() and len(Path(program).readlink().parts) > 1
    except OSError:
        return False


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
