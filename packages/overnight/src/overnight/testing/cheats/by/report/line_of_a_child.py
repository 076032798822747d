"""Lets a child of the program print a better metric, while the program itself stays honest."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.testing.cheats.moves import FORGED, append_to_training
from overnight.types import Verdict

CHEAT = Cheat(
    {Layout.SAME_RUN: caught(Verdict.TAMPERED, "strict mode: printed by a child")}, confined=False
)


def cheat(workspace: Path) -> None:
    """Start one."""
    append_to_training(
        workspace, f'import subprocess\nsubprocess.run(["echo", "{FORGED}"], check=True)'
    )
