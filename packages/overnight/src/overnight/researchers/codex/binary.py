"""Where Codex's program is."""

import os
import shutil
import subprocess
from pathlib import Path

from overnight.errors import AgentCrashed, AgentMissing

TESTED_VERSION = "0.169.0"
_INSTALL = (
    f"Install it with `npm install -g @openai/codex@{TESTED_VERSION}`, or name its program in"
    " researcher.options.binary."
)
_VERSION_S = 30.0


def find_binary(wanted: str | None, *, root: Path) -> Path:
    """Codex's program: the one that is wanted, the one on PATH, or one in ``node_modules``.

    Args:
        wanted: A path, or a name to look for on PATH.
        root: Where relative paths start, and the first place to look for ``node_modules``.

    Raises:
        AgentMissing: There is none.
    """
    if wanted is not None:
        is_path = os.sep in wanted
        found = shutil.which(root / Path(wanted).expanduser() if is_path else wanted)
        if found is None:
            raise AgentMissing(f"There is no program {wanted!r}.", fix=_INSTALL)
        return _native(Path(found))
    here = root.absolute()
    modules = (str(place / "node_modules" / ".bin") for place in (here, *here.parents))
    found = shutil.which("codex") or shutil.which("codex", path=os.pathsep.join(modules))
    if found is None:
        raise AgentMissing("Codex is not installed.", fix=_INSTALL)
    return _native(Path(found))


def _native(program: Path) -> Path:
    """The program behind npm's launcher, which would stay in between as a process of Node's."""
    real = program.resolve()
    if real.suffix != ".js":
        return program.absolute()
    places = [real.parents[2], real.parents[1] / "node_modules" / "@openai"]
    for place in places:
        for candidate in sorted(place.glob("codex-*/vendor/*/bin/codex")):
            if os.access(candidate, os.X_OK):
                return candidate
    return program.absolute()


def installation(program: Path) -> Path:
    """What the program needs to read of its own: its package, or itself where it stands alone."""
    package = program.parent.parent
    return package if (package / "codex-resources").is_dir() else program


def read_version(program: Path) -> str:
    """What the program says of its version, such as ``codex-cli 0.169.0``.

    Raises:
        AgentCrashed: It does not say.
    """
    try:
        told = subprocess.run(
            [program, "--version"],
            capture_output=True,
            text=True,
            timeout=_VERSION_S,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise AgentCrashed(
            f"{program} does not tell its version: {error}.", fix=_INSTALL
        ) from error
    return told.stdout.strip()
