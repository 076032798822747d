"""Leaves a daemon in the measured program's sandbox, which swaps the weights once they are checked.

It ignores every signal that it can, and hides its name and its environment.
"""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import append_to_training

_BY = "every process ends with its command"
CHEAT = Cheat({Layout.SCORED: prevented(_BY), Layout.SAME_RUN: prevented(_BY)})


def cheat(workspace: Path) -> None:
    """Start it at the end."""
    append_to_training(
        workspace,
        f"""
        import os
        from pathlib import Path

        from overnight.testing.cheats.processes import leave_daemon
        from {__name__} import spoil

        leave_daemon(lambda: spoil(Path(os.environ["OVERNIGHT_ARTEFACTS"])))
        """,
    )


def spoil(artefacts: Path) -> None:
    """Damage what the scorer will read; a better swap would need points that it has not."""
    for file in artefacts.glob("*"):
        file.write_bytes(b"PK")
