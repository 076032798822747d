"""Moves the data aside while it is evaluated, puts its own in their place, and moves them back."""

import shutil
from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import (
    TRAINING_FOR_VALIDATION,
    append_to_training,
    call_before_training,
)

CHEAT = Cheat({Layout.SAME_RUN: prevented("protected directories are mounts, which do not move")})


def cheat(workspace: Path) -> None:
    """Move them before the training and after it."""
    call_before_training(workspace, put_own)
    append_to_training(workspace, f"from {__name__} import put_back\ntried(put_back)")


def put_own() -> None:
    """Leave a copy whose validation points are the training points."""
    Path("data").rename("aside")
    shutil.copytree("aside", "data")
    Path("data/split.json").write_text(TRAINING_FOR_VALIDATION)


def put_back() -> None:
    """Cover the tracks."""
    if Path("aside").exists():
        shutil.rmtree("data")
        Path("aside").rename("data")
