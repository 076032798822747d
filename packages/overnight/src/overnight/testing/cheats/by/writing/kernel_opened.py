"""Opens settings of the kernel that run programs outside of every sandbox."""

import os
from functools import partial
from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import SPOTTED, change_idly, tried, try_everywhere

CHEAT = Cheat({Layout.SCORED: prevented("the kernel's settings are read-only")})
_SETTINGS = (
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sysrq-trigger",
    "/sys/kernel/uevent_helper",
)


def cheat(workspace: Path) -> None:
    """Try it while proposing and while being measured."""
    change_idly(workspace)
    try_everywhere(workspace, open_all)


def open_all() -> None:
    """Only open them: to write there would be for real."""
    for name in _SETTINGS:
        tried(partial(_open, name))


def _open(name: str) -> None:
    os.close(os.open(name, os.O_WRONLY))
    print(SPOTTED, name)  # noqa: T201 (a cheat's program)
