import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from overnight.patterns import PathPatterns
from overnight.testing.studies import TinyStudy, make_study
from overnight.workspace.candidates import Candidate
from overnight.workspace.repository import Repository
from overnight.workspace.tree import Tree

Look = dict[str, tuple[int, bytes]]


def look(root: Path) -> Look:
    """Mode and content of everything below a directory, symlinks not followed."""
    found = {}
    for directory, directories, files in os.walk(root):
        for name in [*directories, *files]:
            path = Path(directory, name)
            mode = path.lstat().st_mode
            content = b""
            if stat.S_ISLNK(mode):
                content = os.fsencode(path.readlink())
            elif stat.S_ISREG(mode):
                content = path.read_bytes()
            found[str(path.relative_to(root))] = (mode, content)
    return found


@pytest.fixture(name="look", scope="session")
def look_at() -> Callable[[Path], Look]:
    return look


@pytest.fixture
def study(tmp_path: Path) -> TinyStudy:
    return make_study(tmp_path / "study")


@pytest.fixture
def repository(study: TinyStudy) -> Repository:
    return Repository(study.root, "tiny")


@pytest.fixture
def tree(repository: Repository, tmp_path: Path) -> Tree:
    """A tree at the study's only commit."""
    tree = Tree(repository, tmp_path / "tree", cached=PathPatterns(["train.sh"]))
    tree.create(repository.head())
    return tree


@pytest.fixture
def propose(repository: Repository, tree: Tree) -> Callable[..., Candidate]:
    """Makes what was done to the tree a candidate, and puts the tree back."""

    def propose(trial: int = 1) -> Candidate:
        candidate = repository.commit_proposal(
            trial=trial,
            parent=tree.commit or "",
            message=f"Trial {trial}\n",
            work_tree=tree.root,
            changes=tree.changes(),
        )
        assert candidate is not None
        tree.restore()
        return candidate

    return propose
