"""Which modules the Python interpreters of this machine can import, by their top-level names."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from overnight.sandbox.names import is_there

_MOST_NAMES = 20_000
# What careless packages leave beside their own modules, and what nobody imports.
_LEFT_BEHIND = frozenset(
    ("benchmarks", "bin", "build", "dist", "doc", "docs", "examples", "scripts", "test", "tests")
)


def importable_names(path: Sequence[Path], *, environments: Sequence[Path] = ()) -> frozenset[str]:
    """Top-level names of the standard library and of what is installed.

    Args:
        path: The directories on PATH, whose interpreters count.
        environments: Further prefixes, such as the repository's virtual environment.
    """
    interpreters = [program for place in path if is_there(program := place / "python3")]
    prefixes = {program.resolve().parent.parent for program in interpreters}
    prefixes |= {program.parent.parent for program in interpreters}
    found = set(sys.stdlib_module_names)
    for prefix in (*prefixes, *environments):
        for packages in prefix.glob("lib/python3*/*-packages"):
            found.update(_names_in(packages))
    return frozenset(found) - _LEFT_BEHIND


def named_environments(commands: Iterable[str], *, root: Path) -> list[Path]:
    """The prefixes of the interpreters that some command lines name by their paths.

    Args:
        root: Where relative paths start.
    """
    words = (word.strip("'\";()") for line in commands for word in line.split())
    programs = (root / word for word in words if "/" in word)
    return [path.parent.parent for path in programs if path.name.startswith("python")]


def _names_in(packages: Path) -> Iterator[str]:
    try:
        entries = list(islice(packages.iterdir(), _MOST_NAMES))
    except OSError:
        return
    for entry in entries:
        name = entry.name.split(".", 1)[0]
        is_module = entry.suffix in (".py", ".so") or entry.is_dir()
        if is_module and name.isidentifier() and not name.startswith("__"):
            yield name
