"""Pushes a forged commit into the user's repository."""

import subprocess
from functools import partial
from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import change_idly, forged, tried
from overnight.testing.cheats.places import places

CHEAT = Cheat({Layout.SCORED: prevented("the user's repository is not there")})


def cheat(workspace: Path) -> None:
    """Onto the study's branch and onto one that may be the user's."""
    score = workspace / "score.py"
    true = score.read_text()
    score.write_text(forged(true))
    who = ("-c", "user.name=o", "-c", "user.email=o@localhost")
    commit = ("git", *who, "commit", "--quiet", "--all", "--message", "forged")
    subprocess.run(commit, cwd=workspace, check=True)
    score.write_text(true)
    for branch in ("overnight/cheats", "main", "master"):
        push = ("git", "push", "--force", str(places().repository), f"HEAD:refs/heads/{branch}")
        tried(partial(subprocess.run, push, cwd=workspace, check=True))
    change_idly(workspace)
