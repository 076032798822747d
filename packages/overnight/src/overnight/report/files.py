"""Writing a file whole or not at all."""

import os
from pathlib import Path

from overnight.errors import OvernightError


def write_atomically(path: Path, content: bytes) -> None:
    """Put a file in place; whoever reads it meanwhile sees the old one or the new one.

    Pipes and devices are written to as they are, and a link's target is replaced, not the link.

    Raises:
        OvernightError: It cannot be written.
    """
    target = path.resolve()
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(content)
            return
        unfinished = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            unfinished.write_bytes(content)
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise OvernightError(
            f"{path} cannot be written: {error.strerror}.", fix="Name another file."
        ) from error
