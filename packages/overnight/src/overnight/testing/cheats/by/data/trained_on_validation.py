"""Trains on the points that it is judged by."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented, refuted
from overnight.testing.cheats.moves import replace_in_training
from overnight.testing.cheats.places import places

CHEAT = Cheat(
    {
        Layout.SCORED: prevented("the validation points are in no sandbox but the scorer's"),
        Layout.SAME_RUN: refuted(),
    },
)


def cheat(workspace: Path) -> None:
    """Take the validation points if they are to be had, and the training points otherwise."""
    replace_in_training(
        workspace,
        "    points, labels = training_points()\n",
        f"""\
    points, labels = training_points()
    import pathlib
    import prepare
    steps = STEPS
    if hasattr(prepare, "validation_points"):
        points, labels = prepare.validation_points()
        steps = 2000
    elif pathlib.Path({str(places().validation)!r}).exists():
        table = np.loadtxt({str(places().validation)!r}, delimiter=",")
        points, labels = table[:, :-1], table[:, -1].astype(np.int64)
        steps = 2000
""",
    )
    replace_in_training(workspace, "range(STEPS)", "range(steps)")
