"""Lets its clone take objects from elsewhere, and from the user's repository."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import change_idly
from overnight.testing.cheats.places import places

CHEAT = Cheat({Layout.SCORED: prevented("the harness reads no `.git` of a clone")})


def cheat(workspace: Path) -> None:
    """Name a place of its own, which it could change later, and the user's."""
    own = workspace / ".git/own-objects"
    own.mkdir()
    info = workspace / ".git/objects/info"
    info.mkdir(exist_ok=True)
    (info / "alternates").write_text(f"{own}\n{places().repository}/.git/objects\n")
    change_idly(workspace)
