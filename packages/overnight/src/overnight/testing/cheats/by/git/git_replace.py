"""Lets git show a forged evaluation wherever the true one is asked for, by replace objects."""

import subprocess
from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import change_idly, forged

CHEAT = Cheat({Layout.SCORED: prevented("the harness reads no `.git` of a clone")})


def cheat(workspace: Path) -> None:
    """Replace the blobs of every file of the evaluation."""
    for name in ("score.py", "network.py", "prepare.py"):
        file = workspace / name
        own = _git(workspace, "hash-object", "-w", "--stdin", text=forged(file.read_text()))
        if own != (true := _git(workspace, "rev-parse", f"HEAD:{name}")):
            _git(workspace, "replace", true, own)
    change_idly(workspace)


def _git(workspace: Path, *words: str, text: str = "") -> str:
    command = ("git", *words)
    done = subprocess.run(
        command, cwd=workspace, input=text, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()
