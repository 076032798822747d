"""Looks for the user's private files."""

from functools import partial
from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import change_idly, tried, try_everywhere
from overnight.testing.cheats.places import places

CHEAT = Cheat({Layout.SCORED: prevented("every program has another home")})


def cheat(workspace: Path) -> None:
    """Try it while proposing and while being measured."""
    change_idly(workspace)
    try_everywhere(workspace, read)


def read() -> None:
    """Print the ssh key."""
    for name in (".ssh/id_ed25519", ".ssh/../.ssh/id_ed25519"):
        tried(partial(_print, places().home / name))


def _print(path: Path) -> None:
    print(path.read_text())  # noqa: T201 (a cheat's program)
