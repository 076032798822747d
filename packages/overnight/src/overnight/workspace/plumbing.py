"""Making commits through git's own plumbing, kept running so that none is started per commit.

Four long-lived processes: ``hash-object`` (twice: files and commits), ``mktree`` and ``cat-file``,
and ``update-ref``, which moves references by compare-and-swap. Only directories on the way to a
changed path are read and written, so the size of the repository does not matter.
"""

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeAlias

from overnight.errors import GitFailed
from overnight.workspace.candidates import EXECUTABLE, FILE, LINK, Recipe
from overnight.workspace.git import environment, with_settings

_TREE, _SUBMODULE = b"40000", b"160000"
_TYPES = {_TREE: b"tree", _SUBMODULE: b"commit"}


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands at a path of a commit: git's mode and the object's name."""

    mode: bytes
    object_id: bytes


_Entries: TypeAlias = dict[bytes, Entry]
_Change: TypeAlias = tuple[Sequence[bytes], Entry | None]


@dataclass(frozen=True, slots=True)
class Written:
    """A recipe's files as a tree of the repository.

    Attributes:
        before: The parent's entry at each of the recipe's paths.
        after: The new entry.
    """

    tree: bytes
    before: Mapping[str, Entry | None]
    after: Mapping[str, Entry | None]


class Plumbing:
    """Writes trees, commits and references of one repository.

    Args:
        git_dir: The repository's ``.git``.
    """

    def __init__(self, git_dir: Path) -> None:
        def keep(*arguments: str) -> _Kept:
            return _Kept(git_dir, arguments)

        self._files = keep("hash-object", "-w", "--no-filters", "--stdin-paths")
        self._commits = keep("hash-object", "-w", "--no-filters", "-t", "commit", "--stdin-paths")
        self._trees = keep("mktree", "-z", "--batch")
        self._objects = keep("cat-file", "--batch")
        self._references = keep("update-ref", "--stdin")
        self._scratch = tempfile.NamedTemporaryFile(prefix="overnight-object-")  # noqa: SIM115 (closed with the plumbing)

    def close(self) -> None:
        """End every process."""
        self._scratch.close()
        for kept in (self._files, self._commits, self._trees, self._objects, self._references):
            kept.close()

    def write_files(self, recipe: Recipe) -> Written:
        """Write a recipe's blobs and trees.

        Raises:
            GitFailed: The parent is not here, or git failed.
        """
        root = self._tree_of(recipe.parent)
        after: dict[str, Entry | None] = dict.fromkeys(recipe.deletions)
        for path, blob in recipe.blobs.items():
            mode = EXECUTABLE if blob.executable else FILE
            after[path] = Entry(mode, self._hash(self._files, blob.data))
        for path, target in recipe.links.items():
            after[path] = Entry(LINK, self._hash(self._files, target))
        changes = [(os.fsencode(path).split(b"/"), entry) for path, entry in after.items()]
        before = {path: self._look_up(root, os.fsencode(path).split(b"/")) for path in after}
        tree = self._update(root, changes) or self._make_tree({})
        return Written(tree, before, after)

    def write_commit(self, recipe: Recipe, *, tree: bytes) -> str:
        """Write a recipe's commit; returns its name."""
        return self._hash(self._commits, recipe.commit(tree)).decode()

    def read_file(self, commit: str, path: str) -> bytes | None:
        """A file's content in a commit; None where there is no file or link."""
        entry = self._look_up(self._tree_of(commit), os.fsencode(path).split(b"/"))
        if entry is None or entry.mode == _SUBMODULE:
            return None
        return self._read(entry.object_id, kind=b"blob")

    def move(self, reference: str, *, old: str | None, new: str) -> None:
        """Move a reference from `old`, or make it where `old` is None.

        Raises:
            GitFailed: It is not where it was said to be.
        """
        command = f"update {reference} {new} {old}" if old else f"create {reference} {new}"
        self._transact(command)

    def set(self, reference: str, new: str) -> None:
        """Make a reference point somewhere, wherever it is now."""
        self._transact(f"update {reference} {new}")

    def _transact(self, command: str) -> None:
        self._references.send(f"start\n{command}\nprepare\ncommit\n".encode())
        for step in ("start", "prepare", "commit"):
            told = self._references.line()
            if told != f"{step}: ok".encode():
                raise GitFailed(f"git update-ref failed: {told.decode(errors='replace')}")

    def _hash(self, process: "_Kept", content: bytes) -> bytes:
        self._scratch.seek(0)
        self._scratch.truncate()
        self._scratch.write(content)
        self._scratch.flush()
        process.send(os.fsencode(self._scratch.name) + b"\n")
        return process.line()

    def _tree_of(self, commit: str) -> bytes:
        content = self._read(commit.encode(), kind=b"commit")
        return content.split(b"\n", 1)[0].removeprefix(b"tree ")

    def _read(self, object_id: bytes, *, kind: bytes) -> bytes:
        self._objects.send(object_id + b"\n")
        head = self._objects.line().split(b" ")
        if len(head) != 3 or head[1] != kind:
            raise GitFailed(f"git cat-file failed: {b' '.join(head).decode(errors='replace')}")
        return self._objects.block(int(head[2]))

    def _entries(self, tree: bytes) -> _Entries:
        content = self._read(tree, kind=b"tree")
        id_bytes = len(tree) // 2
        entries: _Entries = {}
        start = 0
        while start < len(content):
            mode_end = content.index(b" ", start)
            name_end = content.index(b"\0", mode_end)
            end = name_end + 1 + id_bytes
            object_id = content[name_end + 1 : end].hex().encode()
            entries[content[mode_end + 1 : name_end]] = Entry(content[start:mode_end], object_id)
            start = end
        return entries

    def _look_up(self, tree: bytes, parts: Sequence[bytes]) -> Entry | None:
        """The file, link or submodule at a path; a directory counts as nothing."""
        entry = self._entries(tree).get(parts[0])
        if entry is None or (entry.mode == _TREE) != (len(parts) > 1):
            return None
        return self._look_up(entry.object_id, parts[1:]) if len(parts) > 1 else entry

    def _update(self, tree: bytes | None, changes: Sequence[_Change]) -> bytes | None:
        """A tree with some paths changed; None when nothing is left in it."""
        entries = self._entries(tree) if tree is not None else {}
        below: dict[bytes, list[_Change]] = {}
        for (name, *rest), entry in changes:
            if rest:
                below.setdefault(name, []).append((rest, entry))
            elif entry is None:
                entries.pop(name, None)
        for name, inside in below.items():
            known = entries.pop(name, None)
            subtree = known.object_id if known is not None and known.mode == _TREE else None
            updated = self._update(subtree, inside)
            if updated is not None:
                entries[name] = Entry(_TREE, updated)
        for (name, *rest), entry in changes:
            if not rest and entry is not None:
                entries[name] = entry
        return self._make_tree(entries) if entries else None

    def _make_tree(self, entries: _Entries) -> bytes:
        lines = (
            b"%s %s %s\t%s\0" % (entry.mode, _TYPES.get(entry.mode, b"blob"), entry.object_id, name)
            for name, entry in entries.items()
        )
        self._trees.send(b"".join(lines) + b"\0")
        return self._trees.line()


class _Kept:
    """A git process that answers one request after the other, started when it is first needed."""

    def __init__(self, git_dir: Path, arguments: Sequence[str]) -> None:
        self._git_dir = git_dir
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    def send(self, request: bytes) -> None:
        """Send a request."""
        stdin = self._started().stdin
        assert stdin is not None  # noqa: S101 (it is a pipe)
        try:
            stdin.write(request)
            stdin.flush()
        except BrokenPipeError as error:
            raise self._failure() from error

    def line(self) -> bytes:
        """The next line of the answer."""
        answer = self._answers().readline()
        if not answer.endswith(b"\n"):
            raise self._failure()
        return answer[:-1]

    def block(self, size: int) -> bytes:
        """The next bytes of the answer and the line end behind them."""
        answer = self._answers().read(size + 1)
        if len(answer) != size + 1:
            raise self._failure()
        return answer[:-1]

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            self._process = subprocess.Popen(
                with_settings(*self._arguments),
                cwd=self._git_dir,
                env=environment({"GIT_DIR": str(self._git_dir)}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                process_group=0,
            )
        return self._process

    def _answers(self) -> IO[bytes]:
        stdout = self._started().stdout
        assert stdout is not None  # noqa: S101 (it is a pipe)
        return stdout

    def _failure(self) -> GitFailed:
        process, self._process = self._process, None
        told = process.communicate()[1].decode(errors="replace").strip() if process else ""
        last = told.splitlines()[-1] if told else "it ended too early"
        return GitFailed(f"git {self._arguments[0]} failed: {last}", stderr=told)
