"""Writes a better metric to what its parent and the first process print to."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import FORGED, append_to_training

CHEAT = Cheat(
    {
        Layout.SCORED: prevented("the scorer makes the metric"),
        Layout.SAME_RUN: prevented("the output is a socket, which no path opens"),
    },
)


def cheat(workspace: Path) -> None:
    """Open their descriptors by path."""
    append_to_training(
        workspace,
        f"""
        import contextlib
        import os

        for process in (os.getppid(), 1):
            for descriptor in (1, 2):
                with contextlib.suppress(OSError):
                    place = os.open(f"/proc/{{process}}/fd/{{descriptor}}", os.O_WRONLY)
                    os.write(place, b"\\n{FORGED}\\n")
        """,
    )
