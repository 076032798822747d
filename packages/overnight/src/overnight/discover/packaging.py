"""What the packaging files say: the project's name, what a fresh checkout needs."""

import re
import tomllib
from collections.abc import Mapping

from overnight.discover.findings import Certainty, Finding, Source

_INSTALL_BY_LOCK = {
    "uv.lock": "uv sync",
    "poetry.lock": "poetry install",
    "pdm.lock": "pdm sync",
    "pixi.lock": "pixi install",
    "package-lock.json": "npm ci",
    "pnpm-lock.yaml": "pnpm install --frozen-lockfile",
    "yarn.lock": "yarn install --frozen-lockfile",
    "go.sum": "go mod download",
    "Cargo.lock": "cargo fetch",
}
_UNNAMED = "study"


def find_setup(files: Mapping[str, str]) -> Finding[str] | None:
    """The command that installs what a lock file pins."""
    found = [(lock, command) for lock, command in _INSTALL_BY_LOCK.items() if lock in files]
    if not found:
        return None
    lock, command = found[0]
    others = tuple(command for _, command in found[1:])
    return Finding(command, "the lock file", Certainty.LIKELY, Source(lock), others)


def find_name(files: Mapping[str, str], folder: str) -> Finding[str]:
    """The project's own name, else the folder's, in letters that a branch may have."""
    declared = _declared_name(files.get("pyproject.toml", ""))
    if declared:
        return Finding(declared, "the project's name", source=Source("pyproject.toml"))
    return Finding(_as_name(folder) or _UNNAMED, "the folder's name")


def _declared_name(pyproject: str) -> str:
    try:
        document = tomllib.loads(pyproject)
    except (tomllib.TOMLDecodeError, RecursionError):
        return ""
    project = document.get("project")
    name = project.get("name") if isinstance(project, dict) else None
    return _as_name(name) if isinstance(name, str) else ""


def _as_name(text: str) -> str:
    """The longest name near `text` that a study may have."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", text)
    return re.sub(r"\.{2,}", ".", plain)[:100].strip(".-_")
