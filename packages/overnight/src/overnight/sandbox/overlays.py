"""Throwaway copies of package managers' caches: what a run writes there is gone with the run.

The kernel's overlay file system shows a cache below and takes writes above. It is mounted in a
mount namespace of the command's own, by util-linux's ``unshare``, before bubblewrap is started.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from overnight.errors import SandboxFailed
from overnight.sandbox.mounts import Deed, Mount
from overnight.sandbox.programs import program
from overnight.workspace.tree import discard

# Relative names, so that no directory's name can break the mount's options.
_MOUNT_ALL = """\
cd "$1" || exit 125
i=0
while [ "$i" -lt "$2" ]; do
  "$3" -t overlay overlay -o "userxattr,lowerdir=low-$i,upperdir=up-$i,workdir=work-$i" "at-$i" ||
    exit 125
  i=$((i + 1))
done
cd / && shift 3 && exec "$@"
"""
_PATIENCE_S = 10.0


@contextmanager
def throwaway(
    caches: Sequence[Path], scratch: Path, *, kept: Path | None = None
) -> Iterator[list[Mount]]:
    """Make ready what the copies of some caches need, and remove what was written to them.

    Args:
        scratch: A directory of the caller's, on a disk.
        kept: A directory on a disk that keeps what is written, for the next command to find it.
    """
    discard(scratch)
    scratch.mkdir(parents=True)
    for number, cache in enumerate(caches):
        (scratch / f"low-{number}").symlink_to(cache)
        (scratch / f"at-{number}").mkdir()
        for name in (f"up-{number}", f"work-{number}"):
            ((kept or scratch) / name).mkdir(parents=True, exist_ok=True)
            if kept is not None:
                (scratch / name).symlink_to(kept / name)
    try:
        yield [
            Mount(cache, Deed.WRITE, scratch / f"at-{number}")
            for number, cache in enumerate(caches)
        ]
    finally:
        discard(scratch)


def launcher(scratch: Path, number: int) -> tuple[str, ...]:
    """What goes before a command line so that the overlays are mounted for it alone.

    Raises:
        SandboxFailed: This system has no ``unshare``.
    """
    unshare, mount = (str(program(name, package="util-linux")) for name in ("unshare", "mount"))
    as_root = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    script = ("/bin/sh", "-c", _MOUNT_ALL, "overlays", str(scratch), str(number), mount)
    return (unshare, *as_root, "--mount", *script)


def inner_identity() -> tuple[str, ...]:
    """Bubblewrap's arguments that make the user himself again of the root that `launcher` needs."""
    if os.geteuid() == 0:
        return ()
    return ("--uid", str(os.geteuid()), "--gid", str(os.getegid()))


def why_not(scratch: Path) -> str | None:
    """Why no overlay can be mounted above a directory here, or None when it can."""
    lower = scratch / "lower"
    discard(scratch)
    lower.mkdir(parents=True)
    (lower / "file").write_bytes(b"")
    inside = scratch / "overlay"
    try:
        with throwaway([lower], inside) as (mount,):
            write = ("/bin/sh", "-c", 'echo >"$0"/file && echo >"$0"/new', str(mount.source))
            tried = subprocess.run(
                (*launcher(inside, 1), *write),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_PATIENCE_S,
                check=False,
            )
    except (OSError, subprocess.TimeoutExpired, SandboxFailed) as error:
        return str(error)
    finally:
        discard(scratch)
    return None if tried.returncode == 0 else tried.stderr.strip() or "the mount failed"
