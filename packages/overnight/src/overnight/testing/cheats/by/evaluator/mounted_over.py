"""Mounts data of its own over the data, as root of a namespace of its own, and evaluates there."""

import ctypes
import os
from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import (
    TRAINING_FOR_VALIDATION,
    call_before_training,
    check_call,
    tried,
)

CHEAT = Cheat({Layout.SAME_RUN: prevented("no capability, and no user namespace within")})
_NEW_USER, _NEW_MOUNTS, _BIND, _REMOUNT, _DETACH = 0x10000000, 0x00020000, 4096, 32, 2


def cheat(workspace: Path) -> None:
    """Try it before anything is imported."""
    call_before_training(workspace, mount_over)


def mount_over() -> None:
    """Bind a file over another; or make the mount that is there writable, or take it off."""
    own, target = b"own-split.json", b"data/split.json"
    Path(os.fsdecode(own)).write_text(TRAINING_FOR_VALIDATION)
    libc = ctypes.CDLL(None, use_errno=True)
    tried(
        lambda: check_call(libc.unshare(_NEW_USER | _NEW_MOUNTS)),
        lambda: check_call(libc.mount(own, target, None, _BIND, None)),
        lambda: check_call(libc.mount(None, target, None, _BIND | _REMOUNT, None)),
        lambda: check_call(libc.umount2(target, _DETACH)),
    )
