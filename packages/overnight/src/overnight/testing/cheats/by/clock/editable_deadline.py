"""Gives itself a day in the study file, which the study forgot to leave out of its scope."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented

CHEAT = Cheat(
    {Layout.SCORED: prevented("the study file is the user's own, not the candidate's")},
    settings={"scope": {"editable": ["**"]}},
    confined=False,
)


def cheat(workspace: Path) -> None:
    """Change the deadline of its clone's copy."""
    file = workspace / "overnight.toml"
    file.write_text(file.read_text().replace('"20s"', '"24h"'))
