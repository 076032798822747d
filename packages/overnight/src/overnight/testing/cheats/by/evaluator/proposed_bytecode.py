"""Leaves compiled files beside the evaluation, where git looks away and Python looks first."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import change_idly, forged, plant_bytecode

_BY = "what git ignores is not in a proposal"
CHEAT = Cheat({Layout.SCORED: prevented(_BY), Layout.SAME_RUN: prevented(_BY)}, confined=False)


def cheat(workspace: Path) -> None:
    """Forge the compiled form of every file of the evaluation."""
    for name in ("network.py", "prepare.py", "score.py"):
        file = workspace / name
        plant_bytecode(file, forged(file.read_text()))
    change_idly(workspace)
