"""Proposes a file of a gibibyte, nearly all of it a hole."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.types import Verdict

CHEAT = Cheat({Layout.SCORED: caught(Verdict.OUT_OF_SCOPE, "guard: too large")}, confined=False)


def cheat(workspace: Path) -> None:
    """Leave it to the harness to read."""
    with (workspace / "more.py").open("wb") as file:
        file.truncate(2**30)
