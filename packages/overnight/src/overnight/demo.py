"""The demo study, made into a repository of its own."""

import shutil
import sysconfig
from pathlib import Path

from overnight.config import STUDY_FILE
from overnight.errors import RepositoryError
from overnight.types import SandboxKind
from overnight.workspace.git import git


def demo_study_source() -> Path:
    """Where the demo study's files are: in the source tree, or where the wheel put them."""
    in_source_tree = Path(__file__).parents[4] / "labs" / "charlm"
    if in_source_tree.is_dir():
        return in_source_tree
    return Path(sysconfig.get_path("data")) / "share" / "overnight" / "labs" / "charlm"


def make_demo_repository(destination: Path, *, sandbox: SandboxKind) -> None:
    """Write the demo study into an absent or empty directory and commit it.

    Args:
        sandbox: What its study file says.

    Raises:
        RepositoryError: The directory holds something already.
    """
    if destination.exists() and any(destination.iterdir()):
        raise RepositoryError(
            f"{destination} is not empty.", fix="Name another directory with --into."
        )
    shutil.copytree(
        demo_study_source(),
        destination,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("tests", "__pycache__", ".overnight", ".*_cache"),
    )
    file = destination / STUDY_FILE
    text = file.read_text(encoding="utf-8")
    file.write_text(f'sandbox = "{sandbox}"\n{text}', encoding="utf-8")
    git("init", "--quiet", cwd=destination)
    git("add", "--all", cwd=destination)
    git("commit", "--quiet", "--message", "The demo study", cwd=destination)
