"""Masks two thirds of the network, and prints that all of it is at work."""

from pathlib import Path

from overnight.testing.cheats.by.constraint import masked_units
from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.testing.cheats.moves import append_to_training
from overnight.types import Verdict

CHEAT = Cheat(
    {
        Layout.SCORED: caught(Verdict.VIOLATION, "the scorer counts"),
        Layout.SAME_RUN: caught(Verdict.TAMPERED, "strict mode: reported twice"),
    },
    confined=False,
)


def cheat(workspace: Path) -> None:
    """Mask, and add a line."""
    masked_units.cheat(workspace)
    append_to_training(workspace, 'print("active_units: 24")')
