"""What a run leaves for the scorer: plain files of bounded size that lead nowhere else."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from overnight.guards.scope import printable

_MOST_FILES = 10_000
_LONGEST_NAME = 1_000


def refuse_artefacts(root: Path, *, most_bytes: int) -> str | None:
    """Why the files that a run left cannot be handed to the scorer, or None.

    Args:
        root: The directory that the run was given for them.
        most_bytes: What they may have together.
    """
    if root.is_symlink() or not root.is_dir():
        return "The run replaced its directory for artefacts."
    try:
        return _refuse_files(root, most_bytes)
    except OSError as error:
        return f"The artefacts that the run left cannot be read: {error.strerror or error}."


def _refuse_files(root: Path, most_bytes: int) -> str | None:
    files = size = 0
    for path, found in _entries(root):
        name = str(path.relative_to(root))
        files += 1
        size += found.st_size
        if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
            return f"The run left {printable(name)}, which is neither a file nor a directory."
        if len(name) > _LONGEST_NAME:
            return f"The run left artefacts with names of more than {_LONGEST_NAME} characters."
        if files > _MOST_FILES:
            return f"The run left more than {_MOST_FILES} artefacts."
        if size > most_bytes:
            return f"The run left more than {most_bytes} bytes of artefacts."
    return None if files else "The run left no artefact in $OVERNIGHT_ARTEFACTS."


def _entries(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Everything below a directory, links not followed, one entry after the other."""
    pending = [root]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                yield Path(entry), entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    pending.append(Path(entry))
