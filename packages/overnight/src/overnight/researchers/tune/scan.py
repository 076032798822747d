"""Read the dials of a clone from its editable Python files, and turn them."""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from overnight.patterns import PathPatterns
from overnight.researchers.tune.constants import UnreadableSource, rewrite, survey
from overnight.researchers.tune.literals import Value
from overnight.researchers.tune.memory import Point
from overnight.researchers.tune.space import Dial, NotTunable, Options, dial

_LARGEST_FILE = 2**20
_ASSIGNMENT = re.compile(rb"^(?:\xef\xbb\xbf)?[^\W\d]\w*[ \t]*[:=]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Panel:
    """Every dial of a clone.

    Attributes:
        dials: Named ``path:NAME``.
        point: Where they stand now.
        skipped: Files and constants left alone, each with the reason.
    """

    dials: tuple[Dial, ...]
    point: Point
    skipped: Mapping[str, str]


def scan(workspace: Path, editable: PathPatterns, options: Options) -> Panel:
    """Find the dials.

    Raises:
        OSError: A file could not be read.
    """
    dials: list[Dial] = []
    point: dict[str, Value] = {}
    skipped: dict[str, str] = {}
    for path in _python_files(workspace, editable):
        try:
            found = survey(_source(workspace / path))
        except UnreadableSource as why:
            skipped[path] = str(why)
            continue
        skipped |= {f"{path}:{name}": why for name, why in found.skipped.items()}
        for constant in found.constants:
            name = f"{path}:{constant.name}"
            try:
                dials.append(dial(name, constant, options))
                point[name] = constant.value
            except NotTunable as reason:
                skipped[name] = str(reason)
    return Panel(tuple(dials), point, skipped)


def turn(workspace: Path, changes: Point) -> None:
    """Write new values into the files, every other byte as it was.

    Raises:
        OSError: A file could not be written.
    """
    by_file: dict[str, dict[str, Value]] = {}
    for name, value in changes.items():
        path, _, constant = name.rpartition(":")
        by_file.setdefault(path, {})[constant] = value
    for path, values in by_file.items():
        target = workspace / path
        target.write_bytes(rewrite(target.read_bytes(), values))


def _python_files(workspace: Path, editable: PathPatterns) -> Iterator[str]:
    """Editable Python files in a stable order; never through a linked directory."""
    for folder, subfolders, files in os.walk(workspace):
        subfolders[:] = sorted(name for name in subfolders if name != ".git")
        for name in sorted(files):
            path = (Path(folder) / name).relative_to(workspace).as_posix()
            if name.endswith(".py") and editable.match(path):
                yield path


def _source(file: Path) -> bytes:
    """The bytes of a file; empty when no line of it assigns anything.

    Raises:
        UnreadableSource: Not a plain file, too large, or its name is not UTF-8.
    """
    status = file.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableSource("it is a link or no plain file")
    if status.st_size > _LARGEST_FILE:
        raise UnreadableSource("it is larger than 1 MiB")
    if not str(file).isprintable():
        raise UnreadableSource("its name is not printable")
    source = file.read_bytes()
    return source if _ASSIGNMENT.search(source) else b""
