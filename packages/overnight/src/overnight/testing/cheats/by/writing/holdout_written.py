"""Makes the hold-out easy."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import change_idly, try_everywhere
from overnight.testing.cheats.places import places

CHEAT = Cheat({Layout.SAME_RUN: prevented("it is in no sandbox but its own")})


def cheat(workspace: Path) -> None:
    """Try it while proposing and while being measured."""
    change_idly(workspace)
    try_everywhere(workspace, rewrite)


def rewrite() -> None:
    """Leave one point."""
    places().holdout.write_text(f"{'0.0,' * 12}0\n")
