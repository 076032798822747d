"""Files that commands write: never over one that is there."""

from pathlib import Path

from expertswap.errors import OutputError


def require_new(path: Path) -> None:
    """See that a file can be made.

    Raises:
        OutputError: It is there already, or its directory is not.
    """
    if path.exists():
        raise OutputError(f"{path} exists.", fix="Give another name, or delete it.")
    if not path.parent.is_dir():
        raise OutputError(f"The directory {path.parent} does not exist.")
