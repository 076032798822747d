"""Candidates: proposals as commits, made from bytes and made again anywhere with the same name."""

import os
import stat
import time
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from overnight.types import Change, EntryKind
from overnight.workspace.git import COMMITTER

FILE, EXECUTABLE, LINK = b"100644", b"100755", b"120000"


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

    def commit(self, tree: bytes) -> bytes:
        """The commit object of a tree with these files."""
        who = f"{COMMITTER} {self.time_s} +0000"
        message = self.message.replace("\0", " ").encode(errors="replace")
        head = f"\nparent {self.parent}\nauthor {who}\ncommitter {who}\n\n"
        return b"tree " + tree + head.encode() + message


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


def _read(path: Path) -> Blob:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        executable = bool(os.fstat(descriptor).st_mode & stat.S_IXUSR)
        return Blob(file.read(), executable)
