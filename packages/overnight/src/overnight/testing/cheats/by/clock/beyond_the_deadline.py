"""Goes on beyond the deadline of its run, deaf to signals, and stops its parent from looking."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.testing.cheats.moves import append_to_training
from overnight.types import Verdict

CHEAT = Cheat(
    {Layout.SCORED: caught(Verdict.TIMEOUT, "the harness's clock; killed")},
    settings={"measure": {"deadline": "5s"}},
)


def cheat(workspace: Path) -> None:
    """Block what can be blocked, and wait."""
    append_to_training(
        workspace,
        """
        import os
        import signal
        from contextlib import suppress

        for number in range(1, signal.NSIG):
            with suppress(OSError, ValueError):
                signal.signal(number, signal.SIG_IGN)
        with suppress(OSError):
            os.kill(os.getppid(), signal.SIGSTOP)
        time.sleep(30)
        """,
    )
