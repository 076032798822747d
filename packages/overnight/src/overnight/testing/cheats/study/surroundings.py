"""What a program finds where it runs: nothing there may come from an earlier trial."""
# ruff: noqa: T201 (a study is a script that prints)

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

MARK = "surroundings "
CONFINED = "OVERNIGHT_CHEAT_CONFINED"
TEMPORARY = {name: Path(name) for name in ("/tmp", "/var/tmp", "/dev/shm")}  # noqa: S108 (looked at)
_MOST_FILES = 2_000


def tell() -> None:
    """Print what the measured program finds, where it was given a place for its output."""
    if "OVERNIGHT_METRICS" in os.environ:
        output = Path(os.environ["OVERNIGHT_METRICS"]).parent
        own = {"checkout": Path.cwd(), "output": output, "home": Path.home()}
        print(MARK + json.dumps(look({**own, **temporary()})), flush=True)


def temporary() -> Mapping[str, Path]:
    """Temporary directories, in a sandbox; elsewhere they are everybody's."""
    return TEMPORARY if CONFINED in os.environ else {}


def look(places: Mapping[str, Path]) -> dict[str, str]:
    """Every file below some directories, with a digest of its content or what it is instead.

    A directory that lies in another one counts for itself alone.

    Args:
        places: Directories by the names that they have in the answer.
    """
    found: dict[str, str] = {}
    for name, root in places.items():
        for path in _files(root, beside=set(places.values()) - {root}):
            found[f"{name}/{path.relative_to(root)}"] = _describe(path)
            if len(found) > _MOST_FILES:
                return found
    return found


def _files(root: Path, *, beside: set[Path]) -> Iterator[Path]:
    for directory, names, files in os.walk(root):
        names[:] = [name for name in names if Path(directory, name) not in beside]
        links = [name for name in names if Path(directory, name).is_symlink()]
        yield from (Path(directory, name) for name in (*files, *links))


def _describe(path: Path) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return f"link to {path.readlink()}"
    if not stat.S_ISREG(mode):
        return "special"
    if path.suffix == ".pyc":
        return "bytecode"  # holds a time
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
