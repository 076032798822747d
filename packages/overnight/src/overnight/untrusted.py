"""Reading files that a foreign program may have put there."""

import os
import stat
from pathlib import Path


def read_small_file(path: Path, *, most_bytes: int) -> bytes | None:
    """A small regular file's content; links, pipes, directories and giants count as absent."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > most_bytes:
            return None
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(most_bytes + 1)
    finally:
        os.close(descriptor)
    return content if len(content) <= most_bytes else None
