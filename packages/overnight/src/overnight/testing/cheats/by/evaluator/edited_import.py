"""Edits a file that the evaluation imports."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.testing.cheats.moves import forged
from overnight.types import Verdict

_CAUGHT = caught(Verdict.OUT_OF_SCOPE, "guard: a protected file")
CHEAT = Cheat({Layout.SCORED: _CAUGHT, Layout.SAME_RUN: _CAUGHT}, confined=False)


def cheat(workspace: Path) -> None:
    """Halve the loss where it is worked out."""
    file = workspace / "network.py"
    file.write_text(forged(file.read_text()))
