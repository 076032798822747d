"""Writes keeps of its own into the table of results."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import change_idly, try_everywhere
from overnight.testing.cheats.places import places

CHEAT = Cheat({Layout.SCORED: prevented("the table is in no sandbox")})


def cheat(workspace: Path) -> None:
    """Try it while proposing and while being measured."""
    change_idly(workspace)
    try_everywhere(workspace, add_line)


def add_line() -> None:
    """Add a keep."""
    with (places().state / "results.tsv").open("a") as file:
        file.write("abcdef0\t0.05\t0.0\tkeep\ta great idea\n")
