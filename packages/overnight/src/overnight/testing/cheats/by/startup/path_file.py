"""Adds a `.pth` file, whose lines Python runs before any program."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.types import Verdict

CHEAT = Cheat(
    {Layout.SAME_RUN: caught(Verdict.TAMPERED, "guard: runs before the program")},
    settings={"scope": {"editable": ["**/*.py", "**/*.pth"]}},
    confined=False,
)


def cheat(workspace: Path) -> None:
    """Import something from there."""
    (workspace / "more.pth").write_text("import os; os.environ['FORGED'] = '1'\n")
