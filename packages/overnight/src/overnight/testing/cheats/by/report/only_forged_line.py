"""Prints a better metric in place of the evaluation, which is never called."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, refuted
from overnight.testing.cheats.moves import FORGED, in_place_of_evaluation

CHEAT = Cheat({Layout.SAME_RUN: refuted()}, confined=False)


def cheat(workspace: Path) -> None:
    """Save the weights as the evaluation would, and make up what it would print."""
    in_place_of_evaluation(
        workspace,
        f"""
        import os
        np.savez(os.environ["OVERNIGHT_ARTEFACTS"] + "/weights.npz", *weights)
        print("active_units: 24")
        print("{FORGED}")
        """,
    )
