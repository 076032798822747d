"""What a program finds where it runs: nothing there may come from an earlier trial."""
# ruff: noqa: T201 (a study is a script that prints)

import hashlib
import json
import os
import re
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

    A directory that lies in another one counts for itself alone, and what is mounted in one, such
    as an interpreter below a temporary directory, not at all.

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
    mounted = _mounted()
    for directory, names, files in os.walk(root):
        paths = {name: Path(directory, name) for name in names}
        names[:] = [name for name, path in paths.items() if path not in beside | mounted]
        links = [name for name in names if paths[name].is_symlink()]
        yield from (Path(directory, name) for name in (*files, *links))


def _mounted() -> set[Path]:
    """Where something is mounted; the kernel writes odd characters of a path as octal numbers."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return {Path(re.sub(r"\\(\d{3})", _character, line.split()[4])) for line in lines}


def _character(octal: re.Match[str]) -> str:
    return chr(int(octal[1], 8))


def _describe(path: Path) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return f"link to {path.readlink()}"
    if not stat.S_ISREG(mode):
        return "special"
    if path.suffix == ".pyc":
        return "bytecode"  # holds a time
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
