"""Where Codex's program is."""

import os
from pathlib import Path

from overnight.researchers.agent.programs import Program

TESTED_VERSION = "0.169.0"
CODEX = Program(
    agent="Codex",
    command="codex",
    install=f"npm install -g @openai/codex@{TESTED_VERSION}",
    tested=TESTED_VERSION,
    help=("exec", "--help"),
    options=("--json", "--skip-git-repo-check", "--sandbox", "--cd", "--output-schema"),
)


def find_binary(wanted: str | None, *, root: Path) -> Path:
    """Codex's program: the one that is wanted, the one on PATH, or one in ``node_modules``.

    Args:
        wanted: A path, or a name to look for on PATH.
        root: Where relative paths start, and the first place to look for ``node_modules``.

    Raises:
        AgentMissing: There is none.
    """
    return _native(CODEX.find(wanted, root=root))


def _native(program: Path) -> Path:
    """The program behind npm's launcher, which would stay in between as a process of Node's."""
    real = program.resolve()
    if real.suffix != ".js":
        return program
    places = [real.parents[2], real.parents[1] / "node_modules" / "@openai"]
    for place in places:
        for candidate in sorted(place.glob("codex-*/vendor/*/bin/codex")):
            if os.access(candidate, os.X_OK):
                return candidate
    return program


def own_files(program: Path) -> Path:
    """What the program needs to read of its own: its package, or itself where it stands alone."""
    package = program.parent.parent
    return package if (package / "codex-resources").is_dir() else program
