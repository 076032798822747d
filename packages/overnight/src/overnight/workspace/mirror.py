"""A copy of a small directory that is brought back to its original, file by file."""

import shutil
from pathlib import Path

from overnight.workspace.tree import Entries, Signature, discard, remove_all, scan


class Mirror:
    """Keeps one directory a copy of another, whatever is done to the copy.

    Args:
        original: Written by its owner alone.
        copy: Read and written by anybody in between.
    """

    def __init__(self, original: Path, copy: Path) -> None:
        self._original = original
        self._copy = copy
        self._known: dict[str, tuple[Signature, Signature]] = {}

    def sync(self) -> None:
        """Copy what changed on either side since the last call, and remove what is extra."""
        wanted = scan(self._original)
        found = self._scan_copy()
        remove_all(self._copy, found.directories.keys() - wanted.directories.keys())
        remove_all(self._copy, found.files.keys() - wanted.files.keys())
        for path in wanted.directories:
            (self._copy / path).mkdir(parents=True, exist_ok=True)
        for path, signature in wanted.files.items():
            if path in found.files and self._known.get(path) == (signature, found.files[path]):
                continue
            remove_all(self._copy, [path])
            (self._copy / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self._original / path, self._copy / path)
        copied = scan(self._copy).files
        self._known = {path: (wanted.files[path], copied[path]) for path in wanted.files}

    def _scan_copy(self) -> Entries:
        try:
            if not self._copy.is_symlink():
                return scan(self._copy)
        except OSError:
            pass
        discard(self._copy)
        self._copy.mkdir(parents=True)
        return Entries({}, {}, [])
