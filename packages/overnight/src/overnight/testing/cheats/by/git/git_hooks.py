"""Leaves hooks in its clone that forge whatever is committed or checked out there."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import change_idly
from overnight.testing.cheats.places import places

CHEAT = Cheat({Layout.SCORED: prevented("the harness reads no `.git` of a clone")})
_HOOKS = (
    "pre-commit",
    "post-commit",
    "post-checkout",
    "reference-transaction",
)


def cheat(workspace: Path) -> None:
    """Let each of them leave a mark in the user's repository."""
    (workspace / ".git/hooks").mkdir(exist_ok=True)
    for name in _HOOKS:
        hook = workspace / ".git/hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {places().repository}/gotcha\n")
        hook.chmod(0o755)
    change_idly(workspace)
