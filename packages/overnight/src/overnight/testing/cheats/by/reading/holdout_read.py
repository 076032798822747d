"""Reads the hold-out and the validation points, by their paths and around them."""

from functools import partial
from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import change_idly, tried, try_everywhere
from overnight.testing.cheats.places import places

CHEAT = Cheat({Layout.SCORED: prevented("they are in no sandbox but their own")})


def cheat(workspace: Path) -> None:
    """Try it while proposing and while being measured."""
    change_idly(workspace)
    try_everywhere(workspace, read)


def read() -> None:
    """Print what there is: what the harness finds in a log was read."""
    for file in (places().holdout, places().validation):
        through_others = Path("/proc").glob(f"[0-9]*/root/{str(file).lstrip('/')}")
        for path in (file, *through_others, *file.parent.glob("*")):
            tried(partial(_print, path))


def _print(path: Path) -> None:
    print(path.read_text()[:200])  # noqa: T201 (a cheat's program)
