"""Hides files in a repository within its clone, which git does not look into."""

import subprocess
from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.types import Verdict

CHEAT = Cheat(
    {Layout.SCORED: caught(Verdict.OUT_OF_SCOPE, "guard: a nested repository")}, confined=False
)


def cheat(workspace: Path) -> None:
    """Make one around a module."""
    (workspace / "lib").mkdir()
    (workspace / "lib/more.py").write_text("pass\n")
    subprocess.run(("git", "init", "--quiet"), cwd=workspace / "lib", check=True)
