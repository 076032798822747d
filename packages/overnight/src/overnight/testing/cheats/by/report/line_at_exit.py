"""Prints a better metric when the interpreter ends, after everything else."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught, prevented
from overnight.testing.cheats.moves import FORGED, before_training
from overnight.types import Verdict

CHEAT = Cheat(
    {
        Layout.SCORED: prevented("the scorer makes the metric"),
        Layout.SAME_RUN: caught(Verdict.TAMPERED, "strict mode: reported twice"),
    },
    confined=False,
)


def cheat(workspace: Path) -> None:
    """Register it before the training."""
    before_training(workspace, f'import atexit\natexit.register(print, "{FORGED}")')
