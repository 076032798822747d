"""The files of a clone that a model without tools is shown: bounded, the most relevant first."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from overnight.patterns import PathPatterns
from overnight.untrusted import read_small_file

MOST_FILE_BYTES = 2**20
_MOST_ENTRIES = 50_000
_MOST_BYTES_PER_CHARACTER = 4


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A text file of the clone.

    Attributes:
        path: Relative to the clone, ``/`` between parts.
    """

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Selection:
    """What is shown of a clone.

    Attributes:
        shown: The most relevant first.
        left_out: Paths of files that did not fit, are no text, or are too large.
    """

    shown: tuple[ShownFile, ...]
    left_out: tuple[str, ...] = ()


def select(
    workspace: Path,
    patterns: PathPatterns,
    *,
    brief: str,
    most_characters: int,
    most_files: int = 200,
) -> Selection:
    """Choose files by how often the brief names them; then those that lie nearest to the top.

    Args:
        patterns: Which files may be chosen.
        most_characters: Of all their texts together.
    """
    wanted = sorted(_regular_files(workspace, patterns), key=lambda path: _rank(path, brief))
    shown: list[ShownFile] = []
    left_out: list[str] = []
    room = most_characters
    for path in wanted:
        may_fit = len(shown) < most_files and _least_characters(workspace / path) <= room
        text = read_text(workspace, path) if may_fit else None
        if text is None or len(text) > room:
            left_out.append(path)
            continue
        room -= len(text)
        shown.append(ShownFile(path, text))
    return Selection(tuple(shown), tuple(left_out))


def read_text(workspace: Path, path: str) -> str | None:
    """A file's text, or None where it is no small UTF-8 text in a regular file of the clone."""
    if not is_inside(workspace, path):
        return None
    content = read_small_file(workspace / path, most_bytes=MOST_FILE_BYTES)
    if content is None or b"\0" in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def is_inside(workspace: Path, path: str) -> bool:
    """Whether a path that somebody wrote stays in the clone, through real directories only.

    What the last part names need not be there; where it is, it is a regular file.
    """
    parts = PurePosixPath(path).parts
    if not path.isprintable() or not parts or path.startswith("/") or {"..", ".git"} & {*parts}:
        return False
    place = workspace
    for part in parts[:-1]:
        place /= part
        if not _is(place, stat.S_ISDIR):
            return False
    return _is(place / parts[-1], stat.S_ISREG)


def _is(place: Path, kind: Callable[[int], bool]) -> bool:
    """Whether nothing stands at a path, or something of a kind; a link is only ever a link."""
    try:
        return kind(place.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False


def _regular_files(workspace: Path, patterns: PathPatterns) -> Iterator[str]:
    left = _MOST_ENTRIES
    for directory, directories, names in os.walk(workspace):
        directories[:] = sorted(name for name in directories if name != ".git")
        for name in sorted(names):
            left -= 1
            if left < 0:
                return
            path = (Path(directory) / name).relative_to(workspace).as_posix()
            if path.isprintable() and patterns.match(path) and is_inside(workspace, path):
                yield path


def _least_characters(file: Path) -> int:
    """What its size says of a UTF-8 text without reading it."""
    return file.lstat().st_size // _MOST_BYTES_PER_CHARACTER


def _rank(path: str, brief: str) -> tuple[int, int, str]:
    named = brief.count(path) + brief.count(f"`{PurePosixPath(path).name}`")
    return -named, path.count("/"), path
