"""Which modules the Python interpreters of this machine can import, by their top-level names."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

_MOST_NAMES = 20_000


def importable_names(path: Sequence[Path], *, environments: Sequence[Path] = ()) -> frozenset[str]:
    """Top-level names of the standard library and of what is installed.

    Args:
        path: The directories on PATH, whose interpreters count.
        environments: Further prefixes, such as the repository's virtual environment.
    """
    prefixes = {
        program.resolve().parent.parent
        for directory in path
        if (program := directory / "python3").exists()
    }
    prefixes |= {directory.parent for directory in path if (directory / "python3").exists()}
    found = set(sys.stdlib_module_names)
    for prefix in (*prefixes, *environments):
        for packages in prefix.glob("lib/python3*/*-packages"):
            found.update(_names_in(packages))
    return frozenset(found)


def named_environments(commands: Iterable[str], *, root: Path) -> list[Path]:
    """The prefixes of the interpreters that some command lines name by their paths.

    Args:
        root: Where relative paths start.
    """
    words = (word.strip("'\";()") for line in commands for word in line.split())
    programs = (root / word for word in words if "/" in word)
    return [path.parent.parent for path in programs if path.name.startswith("python")]


def _names_in(packages: Path) -> Iterator[str]:
    for number, entry in enumerate(packages.iterdir()):
        if number == _MOST_NAMES:
            return
        name = entry.name.split(".", 1)[0]
        is_module = entry.is_dir() or entry.suffix in (".py", ".so")
        if is_module and name.isidentifier() and not name.startswith("__"):
            yield name
