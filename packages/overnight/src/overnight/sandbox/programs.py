"""The programs that put up a sandbox, by names that nobody inside can put something else under."""

import os
from pathlib import Path

from overnight.errors import SandboxFailed

_USUAL = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin")


def program(name: str, *, package: str) -> Path:
    """A program's full path, so that it is never looked for where a command works.

    Args:
        package: What to install where it is missing.

    Raises:
        SandboxFailed: It is not installed.
    """
    path = os.environ.get("PATH", "").split(os.pathsep)
    for place in map(Path, (*path, *_USUAL)):
        found = place / name
        if place.is_absolute() and os.access(found, os.X_OK) and found.is_file():
            return found
    raise SandboxFailed(
        f"{name} is not installed.",
        fix=f"Run `apt install {package}` (or dnf, pacman, zypper), or write sandbox = 'none'.",
    )
