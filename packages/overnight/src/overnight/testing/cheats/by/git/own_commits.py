"""Commits by itself, in the harness's name and with a date of long ago, as if it were kept."""

import os
import subprocess
from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import change_idly

CHEAT = Cheat({Layout.SCORED: prevented("the harness makes its own commits, from the files")})
_WHO = ("AUTHOR", "COMMITTER")


def cheat(workspace: Path) -> None:
    """Pass the change off for an earlier keep."""
    change_idly(workspace)
    forged = {
        **{f"GIT_{who}_NAME": "overnight" for who in _WHO},
        **{f"GIT_{who}_EMAIL": "overnight@localhost" for who in _WHO},
        **{f"GIT_{who}_DATE": "2001-01-01T00:00:00Z" for who in _WHO},
    }
    message = "Keep: val_loss 0.84 -> 0.05\n\nOvernight-Trial: 0\n"
    command = ("git", "commit", "--quiet", "--all", "--message", message)
    subprocess.run(command, cwd=workspace, env={**os.environ, **forged}, check=True)
