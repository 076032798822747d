"""Learns the answers by heart in its own sandbox, and proposes them as a file of source code."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, refuted
from overnight.testing.cheats.moves import in_place_of_evaluation

CHEAT = Cheat({Layout.SAME_RUN: refuted()}, confined=False)


def cheat(workspace: Path) -> None:
    """Add to each point's scores what its class needs: the bias of an output, a row per point."""
    rows = (workspace / "data/points.csv").read_text().splitlines()[400:]
    answers = [int(row.rpartition(",")[2]) for row in rows]
    (workspace / "answers.py").write_text(f"ANSWERS = {answers}\n")
    in_place_of_evaluation(
        workspace,
        """
        from answers import ANSWERS
        weights[3] = weights[3] + 9.0 * np.eye(4)[ANSWERS]
        hand_over(weights)
        """,
    )
