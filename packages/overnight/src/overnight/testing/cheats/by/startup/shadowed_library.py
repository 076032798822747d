"""Adds a `json.py`, which is imported in place of the standard library's."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.testing.cheats.moves import TRAINING_FOR_VALIDATION
from overnight.types import Verdict

CHEAT = Cheat(
    {Layout.SAME_RUN: caught(Verdict.TAMPERED, "guard: shadows a module")}, confined=False
)


def cheat(workspace: Path) -> None:
    """Read another split than the file says."""
    code = f"dumps = repr\n\n\ndef loads(text):\n    return {TRAINING_FOR_VALIDATION.strip()}\n"
    (workspace / "json.py").write_text(code)
