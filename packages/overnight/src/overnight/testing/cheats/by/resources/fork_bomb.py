"""Forks until it is stopped."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.testing.cheats.moves import append_to_training
from overnight.types import Verdict

CHEAT = Cheat(
    {Layout.SCORED: caught(Verdict.TOO_MANY_PROCESSES, "limit on processes; killed")},
)


def cheat(workspace: Path) -> None:
    """Double at every step, but on a user's machine only nine times."""
    append_to_training(
        workspace,
        """
        import os

        for _ in range(9):
            try:
                os.fork()
            except OSError:
                break
        time.sleep(15)
        """,
    )
