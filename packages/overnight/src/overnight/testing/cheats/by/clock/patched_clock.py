"""Stops the clock that its training time is read from."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.testing.cheats.moves import before_training
from overnight.types import Verdict

CHEAT = Cheat(
    {Layout.SAME_RUN: caught(Verdict.TAMPERED, "guard: replaces a clock")}, confined=False
)


def cheat(workspace: Path) -> None:
    """Let no time pass."""
    before_training(workspace, "import time\n\ntime.process_time = lambda: 0.0\n")
