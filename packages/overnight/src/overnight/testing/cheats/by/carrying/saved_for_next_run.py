"""Saves its weights wherever it can write, so that the next run can start from them."""

import os
from functools import partial
from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import SAVED, append_to_training, tried

CHEAT = Cheat({Layout.SAME_RUN: prevented("nothing that a run writes is there for the next")})


def cheat(workspace: Path) -> None:
    """Do it at the end of the training."""
    append_to_training(workspace, f"from {__name__} import save\nsave()")


def save() -> None:
    """In the checkout, the output, the home, the caches, and every temporary directory."""
    artefacts = Path(os.environ["OVERNIGHT_ARTEFACTS"])
    weights = (artefacts / "weights.npz").read_bytes()
    for place in (
        *(Path.cwd(), Path.cwd() / "__pycache__", Path.cwd().parent, artefacts, artefacts.parent),
        *(Path.home(), Path.home() / ".cache", Path.home() / ".cache/uv"),
        *map(Path, ("/tmp", "/var/tmp", "/dev/shm")),  # noqa: S108 (on purpose)
    ):
        tried(partial((place / SAVED).write_bytes, weights))
