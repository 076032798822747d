"""Evaluates from another working directory, where the data are its own."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, refuted
from overnight.testing.cheats.moves import TRAINING_FOR_VALIDATION, in_place_of_evaluation

CHEAT = Cheat({Layout.SAME_RUN: refuted()}, confined=False)


def cheat(workspace: Path) -> None:
    """Copy the data, with the training points for validation, and go there."""
    in_place_of_evaluation(
        workspace,
        f"""
        import os
        import shutil
        shutil.copytree("data", "elsewhere/data")
        os.chdir("elsewhere")
        open("data/split.json", "w").write({TRAINING_FOR_VALIDATION!r})
        hand_over(weights)
        """,
    )
