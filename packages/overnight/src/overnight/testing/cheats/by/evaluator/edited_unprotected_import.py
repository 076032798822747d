"""Edits a file that the evaluation imports and that the study forgot to protect."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import forged

CHEAT = Cheat(
    {Layout.SCORED: prevented("the scorer has the baseline's files, protected or not")},
    settings={"scope": {"protected": ["prepare.py", "score.py", "data/**"]}},
    confined=False,
)


def cheat(workspace: Path) -> None:
    """Halve the loss where it is worked out."""
    file = workspace / "network.py"
    file.write_text(forged(file.read_text()))
