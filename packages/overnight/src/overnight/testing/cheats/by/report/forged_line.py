"""Prints a better metric after the true one."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught, prevented
from overnight.testing.cheats.moves import FORGED, append_to_training
from overnight.types import Verdict

CHEAT = Cheat(
    {
        Layout.SCORED: prevented("the scorer makes the metric"),
        Layout.SAME_RUN: caught(Verdict.TAMPERED, "strict mode: reported twice"),
    },
    confined=False,
)


def cheat(workspace: Path) -> None:
    """Add a line."""
    append_to_training(workspace, f'print("{FORGED}")')
