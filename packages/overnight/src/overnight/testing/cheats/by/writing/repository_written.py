"""Changes the user's working tree, git's files there, and the study file."""

from functools import partial
from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import FORGED, change_idly, tried, try_everywhere
from overnight.testing.cheats.places import places

CHEAT = Cheat({Layout.SCORED: prevented("the user's repository is in no sandbox")})


def cheat(workspace: Path) -> None:
    """Try it while proposing and while being measured."""
    change_idly(workspace)
    try_everywhere(workspace, change)


def change() -> None:
    """Each of them for itself."""
    root = places().repository
    for name in ("train.py", "overnight.toml", ".git/config", ".git/hooks/post-commit"):
        tried(partial((root / name).write_text, f"# {FORGED}\n"))
