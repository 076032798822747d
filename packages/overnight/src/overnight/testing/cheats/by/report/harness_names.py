"""Prints metrics under the harness's own names, to pass for what the harness has seen."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import append_to_training

_BY = "reserved names are dropped from what a program reports"
CHEAT = Cheat(
    {Layout.SCORED: prevented(_BY), Layout.SAME_RUN: prevented(_BY)},
    settings={"metric": {"constraints": ["active_units >= 16", "harness.cpu_s <= 60"]}},
    confined=False,
)


def cheat(workspace: Path) -> None:
    """Claim that no time was used."""
    append_to_training(workspace, 'print("harness.cpu_s: 0")\nprint("claimed.training_seconds: 0")')
