"""A copy of a small directory that is brought back to its original, file by file."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from overnight.workspace.tree import Entries, Signature, discard, remove_all, scan, sign


class Mirror:
    """Keeps one directory a copy of another, whatever is done to the copy.

    Args:
        original: Written by its owner alone, who calls `update` after a change.
        copy: Read and written by anybody between calls of `restore`.
    """

    def __init__(self, original: Path, copy: Path) -> None:
        self._original = original
        self._copy = copy
        self._wanted = Entries({}, {}, [])
        self._copied: dict[str, Signature | None] = {}

    def restore(self) -> None:
        """Undo whatever was done to the copy."""
        found = self._scan_copy()
        remove_all(self._copy, found.directories.keys() - self._wanted.directories.keys())
        remove_all(self._copy, found.files.keys() - self._wanted.files.keys())
        for path in self._wanted.directories.keys() - found.directories.keys():
            (self._copy / path).mkdir(parents=True, exist_ok=True)
        self._copy_files(
            path for path in self._wanted.files if found.files.get(path) != self._copied.get(path)
        )

    def update(self) -> None:
        """Bring a pristine copy to what the original is now."""
        before, self._wanted = self._wanted, scan(self._original)
        remove_all(self._copy, before.files.keys() - self._wanted.files.keys())
        for path in self._wanted.directories:
            (self._copy / path).mkdir(parents=True, exist_ok=True)
        self._copy_files(
            path
            for path, signature in self._wanted.files.items()
            if before.files.get(path) != signature
        )

    def _copy_files(self, paths: Iterable[str]) -> None:
        for path in list(paths):
            target = self._copy / path
            discard(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self._original / path, target)
            self._copied[path] = sign(target)

    def _scan_copy(self) -> Entries:
        try:
            if not self._copy.is_symlink():
                return scan(self._copy)
        except OSError:
            pass
        discard(self._copy)
        self._copy.mkdir(parents=True)
        return Entries({}, {}, [])
