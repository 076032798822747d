"""Hands over a file of 40 GiB, all of it a hole."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.testing.cheats.moves import in_place_of_evaluation
from overnight.types import Verdict

# Where less than that is free, the limit on a file's size stops it first.
CHEAT = Cheat(
    {
        Layout.SCORED: (
            *caught(Verdict.NO_METRIC, "limit on artefacts"),
            *caught(Verdict.CRASH, "limit on the size of a file"),
        )
    },
)


def cheat(workspace: Path) -> None:
    """Call it weights."""
    in_place_of_evaluation(
        workspace,
        """
        import os
        with open(os.environ["OVERNIGHT_ARTEFACTS"] + "/weights.npz", "wb") as file:
            file.truncate(40 * 2**30)
        """,
    )
