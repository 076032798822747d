"""Puts links to files of its own in the place of the data while the measured program runs."""

import shutil
from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import TRAINING_FOR_VALIDATION, call_before_training, tried

CHEAT = Cheat({Layout.SAME_RUN: prevented("protected files are read-only mounts")})


def cheat(workspace: Path) -> None:
    """Try it before anything is imported."""
    call_before_training(workspace, swap)


def swap() -> None:
    """Replace the directory, and if that fails the one file that matters."""
    shutil.copytree("data", "own")
    Path("own/split.json").write_text(TRAINING_FOR_VALIDATION)
    Path("link").symlink_to("own")
    Path("own/link").symlink_to("../own/split.json")
    tried(lambda: Path("link").rename("data"), lambda: Path("own/link").rename("data/split.json"))
