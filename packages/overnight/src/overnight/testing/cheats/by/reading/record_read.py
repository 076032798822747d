"""Reads the record of the night, for what the hold-out said at checkpoints."""

import os
from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import SPOTTED, change_idly, try_everywhere
from overnight.testing.cheats.places import places

CHEAT = Cheat({Layout.SCORED: prevented("the record is in no sandbox")})


def cheat(workspace: Path) -> None:
    """Try it while proposing and while being measured."""
    change_idly(workspace)
    try_everywhere(workspace, read)


def read() -> None:
    """Say so if anything is there beside the own brief."""
    found = {file for file in places().state.rglob("*") if not file.is_dir()}
    if found - {Path(os.environ.get("OVERNIGHT_BRIEF", ""))}:
        print(SPOTTED, found)  # noqa: T201 (a cheat's program)
    places().ledger.read_bytes()
