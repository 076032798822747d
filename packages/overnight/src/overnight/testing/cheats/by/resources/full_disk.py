"""Fills the disk until it is stopped."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.testing.cheats.moves import append_to_training
from overnight.types import Verdict

CHEAT = Cheat(
    {Layout.SCORED: caught(Verdict.OUT_OF_DISK, "limit on the disk; killed")},
    settings={"sandbox": {"disk_gb": 0.05}},
)


def cheat(workspace: Path) -> None:
    """Write files of 10 MB, up to 200 MB of them."""
    append_to_training(
        workspace,
        """
        from pathlib import Path

        for number in range(20):
            Path(f"filler-{number}").write_bytes(b"x" * 10**7)
        time.sleep(15)
        """,
    )
