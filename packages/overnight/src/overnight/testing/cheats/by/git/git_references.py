"""Moves every branch of its clone to a commit of its own, and leaves the clone on no branch."""

import subprocess
from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import change_idly, forged

CHEAT = Cheat({Layout.SCORED: prevented("the harness reads no `.git` of a clone")})


def cheat(workspace: Path) -> None:
    """Commit a forged evaluation, let the study's branch mean it, and bring the files back."""
    score = workspace / "score.py"
    true = score.read_text()
    score.write_text(forged(true))
    for line in (
        "git checkout --quiet --detach",
        "git -c user.name=o -c user.email=o@localhost commit --quiet --all --message forged",
        "git update-ref refs/heads/overnight/cheats HEAD",
        "git update-ref refs/heads/main HEAD",
        "git update-ref refs/overnight/cheats/trials/0000 HEAD",
        "git tag v1",
    ):
        subprocess.run(line.split(), cwd=workspace, check=True)
    score.write_text(true)
    change_idly(workspace)
