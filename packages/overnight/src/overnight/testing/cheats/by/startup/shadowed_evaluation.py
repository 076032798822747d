"""Adds a package beside a protected module, which Python imports in the module's place."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.testing.cheats.moves import forged
from overnight.types import Verdict

_CAUGHT = caught(Verdict.TAMPERED, "guard: shadows a protected module")
CHEAT = Cheat({Layout.SCORED: _CAUGHT, Layout.SAME_RUN: _CAUGHT}, confined=False)


def cheat(workspace: Path) -> None:
    """Leave `network.py` as it is, and forge `network/__init__.py`."""
    source = (workspace / "network.py").read_text()
    (workspace / "network").mkdir()
    (workspace / "network/__init__.py").write_text(forged(source))
