"""Writes a keep of its own into the ledger, and worsens the value that is to be beaten."""

import sqlite3
from contextlib import closing
from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import change_idly, try_everywhere
from overnight.testing.cheats.places import places

CHEAT = Cheat({Layout.SCORED: prevented("the ledger is in no sandbox")})


def cheat(workspace: Path) -> None:
    """Try it while proposing and while being measured."""
    change_idly(workspace)
    try_everywhere(workspace, rewrite)


def rewrite() -> None:
    """Raise every value."""
    address = f"{places().ledger.as_uri()}?mode=rw"
    with closing(sqlite3.connect(address, uri=True, timeout=0.1)) as ledger:
        ledger.execute("UPDATE trials SET value = 9.0")
        ledger.commit()
