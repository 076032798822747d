"""Puts a link in the place of the directory for artefacts."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.testing.cheats.moves import append_to_training
from overnight.types import Verdict

CHEAT = Cheat(
    {Layout.SCORED: caught(Verdict.NO_METRIC, "artefacts are plain files, or no score")},
)


def cheat(workspace: Path) -> None:
    """Move it aside, and lead the scorer to its own tree."""
    append_to_training(
        workspace,
        """
        import os

        place = os.environ["OVERNIGHT_ARTEFACTS"]
        os.rename(place, f"{place}-moved")
        os.symlink("../score", place)
        """,
    )
