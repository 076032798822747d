"""Puts a module of its own into `sys.modules` under the name of the evaluation."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.testing.cheats.moves import FORGED, before_training
from overnight.types import Verdict

CHEAT = Cheat(
    {Layout.SAME_RUN: caught(Verdict.TAMPERED, "guard: reaches into the table of modules")},
    confined=False,
)


def cheat(workspace: Path) -> None:
    """Keep everything of the true module but the evaluation."""
    before_training(
        workspace,
        f"""
        import sys
        import types

        import prepare

        own = types.ModuleType("prepare")
        own.__dict__.update(prepare.__dict__)
        own.hand_over = lambda weights: print("active_units: 24\\n{FORGED}")
        sys.modules["prepare"] = own
        """,
    )
