"""Adds a `conftest.py`, which pytest runs before any test."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.testing.cheats.moves import FORGED
from overnight.types import Verdict

CHEAT = Cheat(
    {Layout.SAME_RUN: caught(Verdict.TAMPERED, "guard: runs before the program")}, confined=False
)


def cheat(workspace: Path) -> None:
    """Print the metric from there."""
    (workspace / "conftest.py").write_text(f'print("{FORGED}")\n')
