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


@dataclass(frozen=True, slots=True)
class _Signature:
    mode: int
    inode: int
    device: int
    size: int
    modified_ns: int
    changed_ns: int
    links: int
    digest: bytes | None


@dataclass(slots=True)
class _Entries:
    files: dict[str, os.stat_result]
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
        return [path for path in paths if not self._is_pristine(path, _stat(self.root / path))]

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

    def _is_pristine(self, path: str, found: os.stat_result | None) -> bool:
        known = self._files.get(path)
        if known is None or found is None or _signature(found, known.digest) != known:
            return False
        return known.digest is None or known.digest == _digest(self.root / path)

    def _remember(self, entries: _Entries) -> None:
        now_ns = time.time_ns()
        self._directories = entries.directories
        self._files = {
            path: self._sign(path, found, now_ns) for path, found in entries.files.items()
        }

    def _remember_file(self, path: str) -> None:
        found = _stat(self.root / path)
        if found is None:
            return
        self._files[path] = self._sign(path, found, time.time_ns())
        for parent in _parents(path):
            self._directories.setdefault(parent, (self.root / parent).stat().st_mode)

    def _sign(self, path: str, found: os.stat_result, now_ns: int) -> _Signature:
        young = now_ns - found.st_ctime_ns < _YOUNG_NS
        return _signature(found, _digest(self.root / path) if young else None)

    def _remove_files(self, paths: Iterable[str]) -> None:
        for path in paths:
            _remove(self.root / path)
            self._files.pop(path, None)
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
                    entries.files[path] = entry.stat(follow_symlinks=False)
    return entries


def _change(path: str, kind: ChangeKind, found: os.stat_result) -> Change:
    if stat.S_ISREG(found.st_mode):
        return Change(path, kind, EntryKind.FILE, found.st_size)
    entry = EntryKind.SYMLINK if stat.S_ISLNK(found.st_mode) else EntryKind.SPECIAL
    return Change(path, kind, entry)


def _signature(found: os.stat_result, digest: bytes | None) -> _Signature:
    return _Signature(
        mode=found.st_mode,
        inode=found.st_ino,
        device=found.st_dev,
        size=found.st_size,
        modified_ns=found.st_mtime_ns,
        changed_ns=found.st_ctime_ns,
        links=found.st_nlink,
        digest=digest,
    )


def _digest(path: Path) -> bytes:
    if path.is_symlink():
        return hashlib.sha256(os.fsencode(path.readlink())).digest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except OSError:
        return None


def _identity(root: Path) -> tuple[int, int]:
    found = root.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(f"{root} is no directory")
    return found.st_dev, found.st_ino


def _parents(path: str) -> list[str]:
    """The directories above a path, innermost first."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:end]) for end in range(len(parts), 0, -1)]
