"""Never comes to an end of its proposal, deaf to signals."""

import signal
import time
from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import change_idly
from overnight.types import Verdict

CHEAT = Cheat(
    {Layout.SCORED: prevented("the harness's clock; killed, no proposal", Verdict.INTERRUPTED)},
    settings={"researcher": {"deadline": "4s"}},
)


def cheat(workspace: Path) -> None:
    """Ask for patience, again and again."""
    change_idly(workspace)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while True:
        print("nearly done", flush=True)  # noqa: T201 (a researcher's sign of life)
        time.sleep(0.1)
