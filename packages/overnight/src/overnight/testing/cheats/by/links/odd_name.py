"""Proposes a file whose name is a line of a report."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.testing.cheats.moves import FORGED
from overnight.types import Verdict

CHEAT = Cheat(
    {Layout.SCORED: caught(Verdict.OUT_OF_SCOPE, "guard: control characters")}, confined=False
)


def cheat(workspace: Path) -> None:
    """Put line ends and terminal codes into it."""
    (workspace / f"a\n{FORGED}\n\x1b[2J.py").write_text("pass\n")
