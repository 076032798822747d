"""Takes memory until it is stopped."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.testing.cheats.moves import append_to_training
from overnight.types import Verdict

CHEAT = Cheat(
    {Layout.SCORED: caught(Verdict.OUT_OF_MEMORY, "limit on memory; killed")},
    settings={"sandbox": {"memory_gb": 0.4}},
)


def cheat(workspace: Path) -> None:
    """Take up to a gibibyte, in steps that can be watched."""
    append_to_training(
        workspace,
        """
        taken = []
        for _ in range(64):
            taken.append(b"x" * 2**24)
            time.sleep(0.02)
        time.sleep(15)
        """,
    )
