"""Hands over a named pipe, on which the scorer would wait for ever."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.testing.cheats.moves import in_place_of_evaluation
from overnight.types import Verdict

CHEAT = Cheat(
    {Layout.SCORED: caught(Verdict.NO_METRIC, "artefacts are plain files, or no score")},
    confined=False,
)


def cheat(workspace: Path) -> None:
    """Call it weights."""
    in_place_of_evaluation(
        workspace,
        """
        import os
        os.mkfifo(os.environ["OVERNIGHT_ARTEFACTS"] + "/weights.npz")
        """,
    )
