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
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from overnight.patterns import PathPatterns
from overnight.types import Change, ChangeKind, EntryKind
from overnight.workspace.candidates import Blob, Candidate
from overnight.workspace.repository import Repository

_YOUNG_NS = 50_000_000
_MOST_CACHED_FILE_BYTES = 2**20
_MOST_CACHED_FILES = 200


_MODE, _SIZE, _CHANGED = 0, 2, 4
# mode, inode, size, time of modification, time of change, hard links
Signature = tuple[int, int, int, int, int, int]
_NOWHERE: Signature = (0, 0, 0, 0, 0, 0)


@dataclass(slots=True)
class Entries:
    """What stands below a root, with the signature of each file; paths are relative to it."""

    files: dict[str, Signature]
    directories: dict[str, int]
    nested_repositories: list[str]


class Tree:
    """A directory that mirrors a commit of the study's repository.

    Args:
        repository: Where the commits are.
        root: The directory; created by `create`, and owned by this object alone.
        cached: Files whose content is kept in memory, to be written again without git.
    """

    def __init__(self, repository: Repository, root: Path, *, cached: PathPatterns) -> None:
        self.repository = repository
        self.root = root
        self.commit: str | None = None
        self._cached = cached
        self._identity: tuple[int, int] | None = None
        self._files: dict[str, Signature] = {}
        self._directories: dict[str, int] = {}
        self._young: dict[str, bytes] = {}
        self._blobs: dict[str, Blob] = {}
        self._held: tuple[Candidate, dict[str, Signature | None]] | None = None

    def create(self, commit: str) -> None:
        """Write the tree anew, whatever stands there now."""
        discard(self.root)
        self.root.mkdir(parents=True)
        self.repository.write_whole_tree(commit, self.root)
        self._identity = _identity(self.root)
        self.commit = commit
        self._remember(scan(self.root))

    def restore(self) -> None:
        """Bring every file back to the commit and remove everything else."""
        if self.commit is None:
            raise RuntimeError("a tree is created before it is restored")
        self._held = None
        try:
            self._check_identity()
            self._repair(self.commit)
        except OSError:
            self.create(self.commit)

    def move_to(self, commit: str) -> None:
        """Turn a pristine tree into another commit's."""
        if self.commit is None:
            raise RuntimeError("a tree is created before it is moved")
        if commit == self.commit:
            return
        known = self.repository.recent(commit)
        if known is not None and known.parent == self.commit and known.recipe is not None:
            self._forget(known.recipe.paths)
            remove_all(self.root, known.recipe.paths)
            self._blobs.update(known.recipe.blobs)
            self._write(commit, list(known.recipe.blobs))
        else:
            self.apply(commit, self.repository.changes(self.commit, commit))
        self.commit = commit

    def apply(self, commit: str, changes: Sequence[Change]) -> None:
        """Make some paths what they are in a commit, which need not be the tree's own."""
        if not changes:
            return
        gone = [change.path for change in changes if change.kind is ChangeKind.DELETED]
        there = [change.path for change in changes if change.kind is not ChangeKind.DELETED]
        self._forget([*gone, *there])
        remove_all(self.root, gone)
        self._write(commit, there)

    def hold(self, candidate: Candidate) -> None:
        """Lay a candidate over its parent's pristine tree, until `restore` or `adopt`."""
        if candidate.recipe is None:
            self.move_to(candidate.commit)
            return
        self.move_to(candidate.parent)
        remove_all(self.root, [change.path for change in candidate.changes])
        for path, blob in candidate.recipe.blobs.items():
            _write_blob(self.root / path, blob)
        held = {change.path: sign(self.root / change.path) for change in candidate.changes}
        self._held = candidate, held

    def adopt(self, commit: str) -> None:
        """Make the held candidate the tree's own commit, if it is the one named."""
        if self._held is None or self._held[0].commit != commit:
            return
        candidate, held = self._held
        self._held = None
        self._forget(held)
        self.commit = commit
        for path, blob in _blobs(candidate).items():
            self._blobs[path] = blob
            self._files[path] = _NOWHERE

    def altered(self, paths: Collection[str]) -> list[str]:
        """Which of some tracked paths are no longer as this tree wrote them, or where it did."""
        directories = {parent for path in paths for parent in _parents(path)}
        links = {parent for parent in directories if (self.root / parent).is_symlink()}
        return [
            path
            for path in paths
            if not links.isdisjoint(_parents(path)) or not self._is_as_written(path)
        ]

    def _is_as_written(self, path: str) -> bool:
        found = sign(self.root / path)
        if self._held is None or path not in self._held[1]:
            return self._is_pristine(path, found) if path in self._files else found is None
        candidate, held = self._held
        blob = _blobs(candidate).get(path)
        if found is None or blob is None:
            return found is None and blob is None
        return found == held[path] and (self.root / path).read_bytes() == blob.data

    def tracked(self) -> Iterator[str]:
        """Every file of the commit."""
        return iter(self._files)

    def changes(self) -> list[Change]:
        """Everything that differs from the commit, less what the repository ignores.

        Raises:
            OSError: The directory was replaced or cannot be read.
        """
        self._check_identity()
        now = scan(self.root)
        gone = [path for path in self._files if path not in now.files]
        touched = [
            path
            for path, found in now.files.items()
            if path in self._files and not self._is_pristine(path, found)
        ]
        found = [_change(path, ChangeKind.MODIFIED, now.files[path]) for path in touched]
        found += [Change(path, ChangeKind.DELETED, EntryKind.NOTHING) for path in gone]
        return found + self._additions(now)

    def _additions(self, now: Entries) -> list[Change]:
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
        now = scan(self.root)
        expected = {parent for path in self._files for parent in _parents(path)}
        remove_all(self.root, (f"{path}/.git" for path in now.nested_repositories))
        remove_all(self.root, now.directories.keys() - expected)
        remove_all(self.root, now.files.keys() - self._files.keys())
        for path, mode in self._directories.items():
            if now.directories.get(path, mode) != mode:
                (self.root / path).chmod(stat.S_IMODE(mode))
        wrong = [p for p in self._files if not self._is_pristine(p, now.files.get(p))]
        if wrong:
            self._write(commit, wrong)

    def _check_identity(self) -> None:
        if _identity(self.root) != self._identity:
            raise NotADirectoryError(f"{self.root} was replaced")

    def _is_pristine(self, path: str, found: Signature | None) -> bool:
        if found is None or self._files.get(path) != found:
            return False
        young = self._young.get(path)
        return young is None or young == _digest(self.root / path)

    def _write(self, commit: str, paths: Sequence[str]) -> None:
        remove_all(self.root, paths)
        unknown = [path for path in paths if path not in self._blobs]
        self.repository.write_files(commit, unknown, self.root)
        for path in self._blobs.keys() & set(paths):
            _write_blob(self.root / path, self._blobs[path])
        for path in paths:
            self._remember_file(path)

    def _remember(self, entries: Entries) -> None:
        self._directories = entries.directories
        self._files = entries.files
        self._young.clear()
        self._blobs.clear()
        threshold_ns = time.time_ns() - _YOUNG_NS
        for path, signature in entries.files.items():
            if signature[_CHANGED] > threshold_ns:
                self._young[path] = _digest(self.root / path)
            self._cache(path, signature)

    def _remember_file(self, path: str) -> None:
        signature = sign(self.root / path)
        if signature is None:
            return
        self._files[path] = signature
        self._young[path] = _digest(self.root / path)
        self._cache(path, signature)
        for parent in _parents(path):
            self._directories.setdefault(parent, (self.root / parent).stat().st_mode)

    def _cache(self, path: str, signature: Signature) -> None:
        small = stat.S_ISREG(signature[_MODE]) and signature[_SIZE] <= _MOST_CACHED_FILE_BYTES
        if small and len(self._blobs) < _MOST_CACHED_FILES and self._cached.match(path):
            executable = bool(signature[_MODE] & stat.S_IXUSR)
            self._blobs[path] = Blob((self.root / path).read_bytes(), executable)

    def _forget(self, paths: Iterable[str]) -> None:
        for path in paths:
            for memory in (self._files, self._young, self._blobs):
                memory.pop(path, None)


def _blobs(candidate: Candidate) -> Mapping[str, Blob]:
    return candidate.recipe.blobs if candidate.recipe is not None else {}


def discard(path: Path) -> None:
    """Remove whatever stands at a path, however deep or unreadable its author made it."""
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return
    try:
        shutil.rmtree(path)
    except (OSError, RecursionError):
        if path.exists():
            _take_apart(path)


def _take_apart(root: Path) -> None:
    """Empty a tree from its top: what lies deeper is moved up, so that no path grows long."""
    places = (root / uuid.uuid4().hex for _ in count())
    pending = [root]
    while pending:
        directory = pending.pop()
        directory.chmod(stat.S_IRWXU)
        with os.scandir(directory) as listing:
            entries = list(listing)
        for entry in entries:
            path = Path(entry)
            if entry.is_dir(follow_symlinks=False):
                path.chmod(stat.S_IRWXU)  # else it could not be moved
                pending.append(path.rename(next(places)))
            else:
                path.unlink()
        if directory != root:
            directory.rmdir()
    root.rmdir()


def remove_all(root: Path, paths: Iterable[str]) -> None:
    """Remove what stands at some paths, and directories that this leaves empty."""
    emptied = set()
    for path in paths:
        with suppress(FileNotFoundError, NotADirectoryError):
            discard(root / path)
        emptied.update(_parents(path))
    for parent in sorted(emptied, key=len, reverse=True):
        with suppress(OSError):
            (root / parent).rmdir()


def _write_blob(path: Path, blob: Blob) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(blob.data)
    if blob.executable:
        path.chmod(0o755)


def scan(root: Path) -> Entries:
    """Every entry below a root, symlinks not followed; what lies in a ``.git`` is left out."""
    entries = Entries({}, {}, [])
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


def _change(path: str, kind: ChangeKind, found: Signature) -> Change:
    mode, size = found[_MODE], found[_SIZE]
    if stat.S_ISREG(mode):
        return Change(path, kind, EntryKind.FILE, size)
    return Change(path, kind, EntryKind.SYMLINK if stat.S_ISLNK(mode) else EntryKind.SPECIAL)


def _signature(found: os.stat_result) -> Signature:
    return (
        found.st_mode,
        found.st_ino,
        found.st_size,
        found.st_mtime_ns,
        found.st_ctime_ns,
        found.st_nlink,
    )


def sign(path: Path) -> Signature | None:
    """The signature of what stands at a path, or None."""
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
