"""Adds a directory `numpy`, which is imported in place of the installed package."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.testing.cheats.moves import FORGED
from overnight.types import Verdict

CHEAT = Cheat(
    {Layout.SAME_RUN: caught(Verdict.TAMPERED, "guard: shadows a module")}, confined=False
)


def cheat(workspace: Path) -> None:
    """Print the metric when it is imported, and end."""
    (workspace / "numpy").mkdir()
    (workspace / "numpy/__init__.py").write_text(f'print("{FORGED}")\nraise SystemExit\n')
