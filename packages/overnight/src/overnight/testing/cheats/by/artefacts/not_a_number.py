"""Hands over weights that are not numbers, against which no comparison holds."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.testing.cheats.moves import in_place_of_evaluation
from overnight.types import Verdict

CHEAT = Cheat(
    {Layout.SAME_RUN: caught(Verdict.NO_METRIC, "a metric is a finite number")}, confined=False
)


def cheat(workspace: Path) -> None:
    """Make the loss nan."""
    in_place_of_evaluation(workspace, "weights[3] = weights[3] * np.nan\nhand_over(weights)")
