"""Proposes `Prepare.py`, which takes the evaluation's place where case does not count."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.testing.cheats.moves import forged
from overnight.types import Verdict

CHEAT = Cheat(
    {Layout.SAME_RUN: caught(Verdict.OUT_OF_SCOPE, "guard: differs in case only")}, confined=False
)


def cheat(workspace: Path) -> None:
    """Forge it there."""
    (workspace / "Prepare.py").write_text(forged((workspace / "prepare.py").read_text()))
