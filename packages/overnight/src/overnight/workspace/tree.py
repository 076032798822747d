"""Directories that hold a commit's files exactly, and can be brought back to that.

Making 20,000 files anew for each trial takes seconds; finding what somebody changed in them takes
milliseconds. So a tree is written once, its entries' signatures are remembered, and before each
use everything that differs is written again and everything extra removed. A signature holds the
inode and the change time, which no program can set; for entries so young that a second change
could carry the same time, it holds the content's digest too.
"""

import hashlib
import os
import shutil
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from overnight.types import Change, ChangeKind, EntryKind
from overnight.workspace.repository import Repository

_YOUNG_NS = 50_000_000


_MODE, _SIZE, _CHANGED = 0, 2, 4
# mode, inode, size, time of modification, time of change, hard links
_Signature = tuple[int, int, int, int, int, int]


@dataclass(slots=True)
class _Entries:
    """What stands below a root; every path is relative to it."""

    files: dict[str, _Signature]
    directories: dict[str, int]
    nested_repositories: list[str]


class Tree:
    """A directory that mirrors a commit of the study's repository.

    Args:
        repository: Where the commits are.
        root: The directory; created by `create`, and owned by this object alone.
    """

    def __init__(self, repository: Repository, root: Path) -> None:
        self.repository = repository
        self.root = root
        self.commit: str | None = None
        self._identity: tuple[int, int] | None = None
        self._files: dict[str, _Signature] = {}
        self._young: dict[str, bytes] = {}
        self._directories: dict[str, int] = {}

    def create(self, commit: str) -> None:
        """Write the tree anew, whatever stands there now."""
        discard(self.root)
        self.root.mkdir(parents=True)
        self.repository.write_whole_tree(commit, self.root)
        self._identity = _identity(self.root)
        self.commit = commit
        self._remember(_scan(self.root))

    def restore(self) -> None:
        """Bring every file back to the commit and remove everything else."""
        if self.commit is None:
            raise RuntimeError("a tree is created before it is restored")
        try:
            self._check_identity()
            self._repair(self.commit)
        except OSError:
            self.create(self.commit)

    def move_to(self, commit: str, changes: Sequence[Change] | None = None) -> None:
        """Turn a pristine tree into another commit's.

        Args:
            changes: How the commits differ, where the caller knows it.
        """
        if self.commit is None:
            raise RuntimeError("a tree is created before it is moved")
        if commit == self.commit:
            return
        if changes is None:
            changes = self.repository.changes(self.commit, commit)
        self.apply(commit, changes)
        self.commit = commit

    def apply(self, commit: str, changes: Sequence[Change]) -> None:
        """Make some paths what they are in a commit, which need not be the tree's own."""
        gone = {change.path for change in changes if change.kind is ChangeKind.DELETED}
        self._remove_files(gone)
        self._write(commit, [change.path for change in changes if change.path not in gone])

    def _write(self, commit: str, paths: Sequence[str]) -> None:
        for path in paths:
            _remove(self.root / path)
        self.repository.write_files(commit, paths, self.root)
        for path in paths:
            self._remember_file(path)

    def altered(self, paths: Iterable[str]) -> list[str]:
        """Which of some tracked paths are no longer as this tree wrote them."""
        return [path for path in paths if not self._is_pristine(path, _sign(self.root / path))]

    def tracked(self) -> Iterator[str]:
        """Every file of the commit."""
        return iter(self._files)

    def changes(self) -> list[Change]:
        """Everything that differs from the commit, less what the repository ignores.

        Raises:
            OSError: The directory was replaced or cannot be read.
        """
        self._check_identity()
        now = _scan(self.root)
        gone = [path for path in self._files if path not in now.files]
        touched = [
            path
            for path, found in now.files.items()
            if path in self._files and not self._is_pristine(path, found)
        ]
        found = [_change(path, ChangeKind.MODIFIED, now.files[path]) for path in touched]
        found += [Change(path, ChangeKind.DELETED, EntryKind.NOTHING) for path in gone]
        return found + self._additions(now)

    def _additions(self, now: _Entries) -> list[Change]:
        nested = now.nested_repositories
        inside = tuple(f"{path}/" for path in nested)
        unknown = now.files.keys() - self._files.keys()
        extra = sorted(path for path in unknown if not path.startswith(inside))
        ignored = self.repository.ignored(self.root, [*extra, *inside])
        repositories = [
            Change(path, ChangeKind.ADDED, EntryKind.NESTED_REPOSITORY)
            for path in nested
            if f"{path}/" not in ignored
        ]
        return repositories + [
            _change(path, ChangeKind.ADDED, now.files[path])
            for path in extra
            if path not in ignored
        ]

    def _repair(self, commit: str) -> None:
        now = _scan(self.root)
        for path in now.nested_repositories:
            _remove(self.root / path / ".git")
        for path in now.directories.keys() - self._directories.keys():
            _remove(self.root / path)
        for path in now.files.keys() - self._files.keys():
            _remove(self.root / path)
        for path, mode in self._directories.items():
            if now.directories.get(path, mode) != mode:
                (self.root / path).chmod(stat.S_IMODE(mode))
        wrong = [p for p in self._files if not self._is_pristine(p, now.files.get(p))]
        if wrong:
            self._write(commit, wrong)

    def _check_identity(self) -> None:
        if _identity(self.root) != self._identity:
            raise NotADirectoryError(f"{self.root} was replaced")

    def _is_pristine(self, path: str, found: _Signature | None) -> bool:
        if found is None or self._files.get(path) != found:
            return False
        young = self._young.get(path)
        return young is None or young == _digest(self.root / path)

    def _remember(self, entries: _Entries) -> None:
        self._directories = entries.directories
        self._files = entries.files
        threshold_ns = time.time_ns() - _YOUNG_NS
        self._young = {
            path: _digest(self.root / path)
            for path, signature in entries.files.items()
            if signature[_CHANGED] > threshold_ns
        }

    def _remember_file(self, path: str) -> None:
        signature = _sign(self.root / path)
        if signature is None:
            return
        self._files[path] = signature
        self._young[path] = _digest(self.root / path)
        for parent in _parents(path):
            self._directories.setdefault(parent, (self.root / parent).stat().st_mode)

    def _remove_files(self, paths: Iterable[str]) -> None:
        for path in paths:
            _remove(self.root / path)
            self._files.pop(path, None)
            self._young.pop(path, None)
        emptied = {parent for path in paths for parent in _parents(path)}
        for parent in sorted(emptied, key=len, reverse=True):
            try:
                (self.root / parent).rmdir()
            except OSError:
                continue
            self._directories.pop(parent, None)


def discard(path: Path) -> None:
    """Remove a file, link or directory tree, also one made unreadable; absent is fine."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path, onerror=_open_up)


def _open_up(_function: object, path: str, _error: object) -> None:
    parent = Path(path).parent
    parent.chmod(0o700)
    target = Path(path)
    if target.is_dir() and not target.is_symlink():
        target.chmod(0o700)
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)


def _remove(path: Path) -> None:
    try:
        discard(path)
    except (FileNotFoundError, NotADirectoryError):
        return


def _scan(root: Path) -> _Entries:
    """Every entry below a root, symlinks not followed; what lies in a ``.git`` is left out."""
    entries = _Entries({}, {}, [])
    pending = [""]
    while pending:
        prefix = pending.pop()
        with os.scandir(root / prefix) as listing:
            for entry in listing:
                path = prefix + entry.name
                if entry.name == ".git":
                    if prefix:
                        entries.nested_repositories.append(prefix.rstrip("/"))
                elif entry.is_dir(follow_symlinks=False):
                    entries.directories[path] = entry.stat(follow_symlinks=False).st_mode
                    pending.append(f"{path}/")
                else:
                    entries.files[path] = _signature(entry.stat(follow_symlinks=False))
    return entries


def _change(path: str, kind: ChangeKind, found: _Signature) -> Change:
    mode, size = found[_MODE], found[_SIZE]
    if stat.S_ISREG(mode):
        return Change(path, kind, EntryKind.FILE, size)
    return Change(path, kind, EntryKind.SYMLINK if stat.S_ISLNK(mode) else EntryKind.SPECIAL)


def _signature(found: os.stat_result) -> _Signature:
    return (
        found.st_mode,
        found.st_ino,
        found.st_size,
        found.st_mtime_ns,
        found.st_ctime_ns,
        found.st_nlink,
    )


def _sign(path: Path) -> _Signature | None:
    try:
        return _signature(path.lstat())
    except OSError:
        return None


def _digest(path: Path) -> bytes:
    if path.is_symlink():
        return hashlib.sha256(os.fsencode(path.readlink())).digest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _identity(root: Path) -> tuple[int, int]:
    found = root.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(f"{root} is no directory")
    return found.st_dev, found.st_ino


def _parents(path: str) -> list[str]:
    """The directories above a path, innermost first."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:end]) for end in range(len(parts), 0, -1)]
