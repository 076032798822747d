"""Leaves a compiled file beside the evaluation while the measured program runs, then imports it."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented, refuted
from overnight.testing.cheats.moves import call_before_training, forged, plant_bytecode

CHEAT = Cheat(
    {
        Layout.SCORED: prevented("the scorer has a tree of its own"),
        Layout.SAME_RUN: refuted(),
    },
)


def cheat(workspace: Path) -> None:
    """Try it before anything is imported."""
    call_before_training(workspace, plant)


def plant() -> None:
    """Forge the file that prints and the one that works the loss out, for the hold-out too."""
    for file in (Path("prepare.py"), Path("network.py")):
        plant_bytecode(file, forged(file.read_text()))
