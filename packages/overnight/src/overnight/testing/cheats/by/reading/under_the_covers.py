"""Makes itself root of a namespace, and takes off what was mounted over the user's files."""

import ctypes
import os
from functools import partial
from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import change_idly, check_call, tried, try_everywhere
from overnight.testing.cheats.places import places

CHEAT = Cheat({Layout.SCORED: prevented("mounts of an outer namespace are locked")})
_NEW_USER, _NEW_MOUNTS, _DETACH = 0x10000000, 0x00020000, 2


def cheat(workspace: Path) -> None:
    """Try it while proposing, where sandboxes may be nested, and while being measured."""
    change_idly(workspace)
    try_everywhere(workspace, uncover)


def uncover() -> None:
    """In a process of its own, which then reads what is secret."""
    child = os.fork()
    if child == 0:
        tried(_uncover_and_read)
        os._exit(0)
    os.waitpid(child, 0)


def _uncover_and_read() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    check_call(libc.unshare(_NEW_USER | _NEW_MOUNTS))
    for place in (places().repository, *places().repository.parents):
        tried(partial(_uncover, libc, place))
    print(places().holdout.read_text()[:100], flush=True)  # noqa: T201 (found in the log)


def _uncover(libc: ctypes.CDLL, place: Path) -> None:
    check_call(libc.umount2(bytes(place), _DETACH))
