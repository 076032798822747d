"""What a run leaves for the scorer: plain files of bounded size that lead nowhere else."""

import os
import stat
from pathlib import Path

from overnight.guards.scope import printable

_MOST_FILES = 10_000


def refuse_artefacts(root: Path, *, most_bytes: int) -> str | None:
    """Why the files that a run left cannot be handed to the scorer, or None.

    Args:
        root: The directory that the run was given for them.
        most_bytes: What they may have together.
    """
    if root.is_symlink() or not root.is_dir():
        return "The run replaced its directory for artefacts."
    files = size = 0
    for directory, names, others in os.walk(root):
        for name in (*names, *others):
            path = Path(directory, name)
            found = path.lstat()
            if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
                shown = printable(str(path.relative_to(root)))
                return f"The run left {shown}, which is neither a file nor a directory."
            files += 1
            size += found.st_size
            if files > _MOST_FILES:
                return f"The run left more than {_MOST_FILES} artefacts."
    if size > most_bytes:
        return f"The run left {size} bytes of artefacts; at most {most_bytes} are accepted."
    if files == 0:
        return "The run left no artefact in $OVERNIGHT_ARTEFACTS."
    return None
