"""Hands over an archive whose arrays are code that runs when it is unpickled."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.testing.cheats.moves import FORGED, in_place_of_evaluation
from overnight.types import Verdict

CHEAT = Cheat(
    {Layout.SCORED: caught(Verdict.CRASH, "the scorer unpickles nothing")}, confined=False
)


def cheat(workspace: Path) -> None:
    """Print the metric from within the scorer."""
    in_place_of_evaluation(
        workspace,
        f"""
        class Report:
            def __reduce__(self):
                return print, ("{FORGED}",)
        bomb = np.array([Report()], dtype=object)
        hand_over([bomb, *weights[1:]])
        """,
    )
