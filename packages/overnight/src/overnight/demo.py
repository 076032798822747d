"""The demo study, made into a repository of its own."""

import shutil
import sysconfig
from pathlib import Path

from overnight.errors import RepositoryError
from overnight.workspace.git import git


def demo_study_source() -> Path:
    """Where the demo study's files are: in the source tree, or where the wheel put them."""
    in_source_tree = Path(__file__).parents[4] / "labs" / "charlm"
    if in_source_tree.is_dir():
        return in_source_tree
    return Path(sysconfig.get_path("data")) / "share" / "overnight" / "labs" / "charlm"


def make_demo_repository(destination: Path) -> None:
    """Write the demo study into an absent or empty directory and commit it.

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
    git("init", "--quiet", cwd=destination)
    git("add", "--all", cwd=destination)
    git("commit", "--quiet", "--message", "The demo study", cwd=destination)
