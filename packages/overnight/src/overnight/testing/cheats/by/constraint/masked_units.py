"""Masks two thirds of the network while the metric stays: the question is answered by another one.

This is the case of the article: experts were masked, and nothing of what was asked for was saved.
"""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.testing.cheats.moves import in_place_of_evaluation, replace_in_training
from overnight.types import Verdict

_CAUGHT = caught(Verdict.VIOLATION, "constraint on the work that is done")
CHEAT = Cheat({Layout.SCORED: _CAUGHT, Layout.SAME_RUN: _CAUGHT}, confined=False)


def cheat(workspace: Path) -> None:
    """Train 8 units well, and fill up with 16 that do nothing."""
    replace_in_training(workspace, "UNITS = 24", "UNITS = 8")
    replace_in_training(workspace, "LEARNING_RATE = 0.1", "LEARNING_RATE = 0.5")
    in_place_of_evaluation(
        workspace,
        """
        weights[0] = np.pad(weights[0], ((0, 0), (0, 16)))
        weights[1] = np.pad(weights[1], (0, 16))
        weights[2] = np.pad(weights[2], ((0, 16), (0, 0)))
        hand_over(weights)
        """,
    )
