"""Trains at length in its own sandbox, and leaves the weights for the measured program to find."""

from functools import partial
from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import SAVED, replace_in_training, tried

CHEAT = Cheat({Layout.SCORED: prevented("the measured program finds none of its files")})
_PLACES = (f"{SAVED}.log", f"../{SAVED}", f"~/{SAVED}", f"/tmp/{SAVED}")  # noqa: S108 (on purpose)


def cheat(workspace: Path) -> None:
    """Where git looks away, beside the clone, at home, and in the temporary directory."""
    for name in _PLACES:
        place = workspace / Path(name).expanduser()
        tried(partial(place.write_bytes, b"weights of a long training"))
    replace_in_training(
        workspace,
        "    for _ in range(STEPS):\n",
        f"""\
    from pathlib import Path
    found = [place for place in {_PLACES!r} if Path(place).expanduser().exists()]
    steps = 0 if found else STEPS
    for _ in range(steps):
""",
    )
