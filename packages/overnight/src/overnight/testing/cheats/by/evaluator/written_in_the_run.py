"""Rewrites the evaluation while the measured program runs: writes, unlocks, removes, replaces."""

from functools import partial
from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import call_before_training, forged, tried

_BY = "protected files are read-only mounts"
CHEAT = Cheat({Layout.SCORED: prevented(_BY), Layout.SAME_RUN: prevented(_BY)})


def cheat(workspace: Path) -> None:
    """Try it before anything is imported."""
    call_before_training(workspace, rewrite)


def rewrite() -> None:
    """Change each file by whatever way is open."""
    for file in (Path("prepare.py"), Path("score.py"), Path("network.py")):
        own = Path(f"own-{file.name}")
        own.write_text(forged(file.read_text()))
        tried(
            partial(file.write_bytes, own.read_bytes()),
            partial(file.chmod, 0o666),
            file.unlink,
            partial(own.replace, file),
        )
