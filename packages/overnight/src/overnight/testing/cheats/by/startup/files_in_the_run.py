"""Adds start-up files where Python looks for them, while the measured program runs."""

import site
import sys
from functools import partial
from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import FORGED, append_to_training, tried

CHEAT = Cheat(
    {
        Layout.SCORED: prevented("the scorer has a tree and a home of its own"),
        Layout.SAME_RUN: prevented("every run has a checkout and a home of its own"),
    },
)
# Does nothing in any other program, should it ever land where it must not.
_CODE = f"""\
import os

if "OVERNIGHT_CHEAT_PLACES" in os.environ:
    print("{FORGED}")
"""


def cheat(workspace: Path) -> None:
    """Wait for the scorer, the hold-out or the next trial to run them."""
    append_to_training(workspace, f"from {__name__} import plant\nplant()")


def plant() -> None:
    """In the home, in the interpreter's own directories, in the checkout and beside it."""
    own = [Path(place) for place in sys.path if place]
    for place in (Path(site.getusersitepackages()), *own, Path.cwd(), Path.cwd().parent):
        for name in ("sitecustomize.py", "usercustomize.py"):
            tried(partial(_write, place / name))


def _write(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("x") as new:
        new.write(_CODE)
