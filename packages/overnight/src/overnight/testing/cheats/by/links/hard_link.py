"""Makes hard links in its clone, and from its clone to what is outside."""

import os
from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import change_idly, tried
from overnight.testing.cheats.places import places

CHEAT = Cheat({Layout.SCORED: prevented("nothing outside is there to be linked")})


def cheat(workspace: Path) -> None:
    """Link the user's files in, and the own file out."""
    change_idly(workspace)
    brief = Path(os.environ.get("OVERNIGHT_BRIEF", "brief.md"))
    tried(
        lambda: os.link(places().holdout, workspace / "holdout.py"),
        lambda: os.link(places().ledger, workspace / "ledger.py"),
        lambda: os.link(brief, workspace / "brief.py"),
        lambda: os.link(workspace / "train.py", brief.with_name("train.py")),
        lambda: os.link(workspace / "train.py", workspace.parent / "train.py"),
    )
