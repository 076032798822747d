"""Lets a daemon print a better metric once the program has ended, so that it comes last."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught, prevented
from overnight.testing.cheats.moves import FORGED, append_to_training
from overnight.types import Verdict

# The daemon has the moment between the program's end and its own: what it prints may come in time.
CHEAT = Cheat(
    {
        Layout.SCORED: prevented("the scorer makes the metric"),
        Layout.SAME_RUN: (
            *caught(Verdict.TAMPERED, "strict mode: reported twice, or by a child"),
            *prevented("killed with the program"),
        ),
    },
)


def cheat(workspace: Path) -> None:
    """Fork twice, and wait for the program to be gone."""
    append_to_training(
        workspace,
        f"""
        import os
        from pathlib import Path

        program = Path(f"/proc/{{os.getpid()}}/stat")
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                while program.exists() and ") Z" not in program.read_text():
                    pass
                os.write(1, b"{FORGED}\\n")
            os._exit(0)
        """,
    )
