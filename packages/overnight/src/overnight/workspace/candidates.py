"""Candidates: proposals as commits, made from bytes and made again anywhere with the same name."""

import os
import stat
import time
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from overnight.types import Change, EntryKind
from overnight.workspace.git import COMMITTER


@dataclass(frozen=True, slots=True)
class Blob:
    """A file's content, byte for byte as the researcher left it."""

    data: bytes
    executable: bool


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that a commit is made of, so that two repositories get the very same commit.

    Attributes:
        time_s: Committer's time, in whole seconds since the epoch.
        deletions: Paths that it removes.
        blobs: Files that it writes.
        links: Targets of symbolic links that it makes.
    """

    parent: str
    message: str
    time_s: int
    deletions: Sequence[str]
    blobs: Mapping[str, Blob]
    links: Mapping[str, bytes]

    @property
    def paths(self) -> list[str]:
        """Every path that it touches."""
        return [*self.deletions, *self.blobs, *self.links]

    def only(self, paths: Container[str]) -> "Recipe":
        """The same without paths that were touched and left as they were."""
        return replace(
            self,
            deletions=[path for path in self.deletions if path in paths],
            blobs={path: blob for path, blob in self.blobs.items() if path in paths},
            links={path: target for path, target in self.links.items() if path in paths},
        )

    def stream(self, reference: str) -> bytes:
        """The commit as input for ``git fast-import``, marked ``:1``."""
        parts = [
            f"commit {reference}\nmark :1\n".encode(),
            f"committer {COMMITTER} {self.time_s} +0000\n".encode(),
            _data(self.message.encode(errors="replace")),
            f"from {self.parent}\n".encode(),
            *self._file_commands(),
            b"\n",
        ]
        return b"".join(parts)

    def _file_commands(self) -> Iterator[bytes]:
        for path in self.deletions:
            yield b"D %s\n" % quote(path)
        for path, blob in self.blobs.items():
            mode = b"100755" if blob.executable else b"100644"
            yield b"M %s inline %s\n" % (mode, quote(path)) + _data(blob.data)
        for path, target in self.links.items():
            yield b"M 120000 inline %s\n" % quote(path) + _data(target)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A proposal as a commit of the study's repository.

    Attributes:
        changes: How it differs from its parent.
        recipe: What it was made of, where that is at hand.
    """

    commit: str
    tree: str
    parent: str
    changes: tuple[Change, ...]
    recipe: Recipe | None = None


def recipe_of(work_tree: Path, changes: Sequence[Change], *, parent: str, message: str) -> Recipe:
    """Read what a researcher left into memory.

    Args:
        changes: Files, links and deletions; the caller has refused anything else.

    Raises:
        OSError: A file cannot be read.
    """
    paths = {
        entry: [change.path for change in changes if change.entry is entry] for entry in EntryKind
    }
    return Recipe(
        parent=parent,
        message=message,
        time_s=int(time.time()),
        deletions=paths[EntryKind.NOTHING],
        blobs={path: _read(work_tree / path) for path in paths[EntryKind.FILE]},
        links={
            path: os.fsencode((work_tree / path).readlink()) for path in paths[EntryKind.SYMLINK]
        },
    )


def quote(path: str) -> bytes:
    """A path as ``git fast-import`` reads it."""
    escaped = os.fsencode(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'"%s"' % escaped.replace(b"\n", b"\\n")


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def _read(path: Path) -> Blob:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        executable = bool(os.fstat(descriptor).st_mode & stat.S_IXUSR)
        return Blob(file.read(), executable)
