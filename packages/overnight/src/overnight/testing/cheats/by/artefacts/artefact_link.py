"""Hands over a link to a file that only the scorer can read, for it to print or to trip over."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.testing.cheats.moves import in_place_of_evaluation
from overnight.testing.cheats.places import places
from overnight.types import Verdict

CHEAT = Cheat(
    {Layout.SCORED: caught(Verdict.NO_METRIC, "artefacts are plain files, or no score")},
    confined=False,
)


def cheat(workspace: Path) -> None:
    """Call it weights."""
    in_place_of_evaluation(
        workspace,
        f"""
        import os
        os.symlink({str(places().validation)!r}, os.environ["OVERNIGHT_ARTEFACTS"] + "/weights.npz")
        """,
    )
