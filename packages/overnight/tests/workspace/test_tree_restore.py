"""A tree is brought back to its commit, whatever was done to it."""

import os
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overnight.patterns import PathPatterns
from overnight.testing.studies import TRAIN, make_study, prints
from overnight.types import EntryKind
from overnight.workspace.repository import Repository
from overnight.workspace.tree import Tree

FILES = {
    "src/deep/er/one.txt": "1\n",
    "src/deep/two.txt": "22\n",
    "src/three.txt": "333\n",
    "run me.sh": "true\n",
}
PATHS = [*FILES, TRAIN, "src", "src/deep", "src/deep/er", "new", "new/er", "src/new", "outside"]
Look = Callable[[Path], dict[str, tuple[int, bytes]]]


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """One tree for every example: each leaves it pristine, or its test has failed."""
    directory = tmp_path_factory.mktemp("tree")
    study = make_study(directory / "study", files=FILES)
    study.git("update-index", "--chmod=+x", "run me.sh")
    study.git("commit", "--quiet", "--message", "executable")
    repository = Repository(study.root, "tiny")
    tree = Tree(repository, directory / "tree", cached=PathPatterns([TRAIN, "src/deep/**"]))
    tree.create(repository.head())
    outside = directory / "outside"
    for name in ("deep/two.txt", "three.txt", "one.txt"):
        (outside / name).parent.mkdir(parents=True, exist_ok=True)
        (outside / name).write_text("the user's\n")
    return tree


def write(path: Path, _: Path) -> None:
    path.write_text("something else\n")


def rewrite(path: Path, _: Path) -> None:
    """Other bytes of the same length, the times put back."""
    found, size = path.stat(), path.stat().st_size
    path.write_bytes(b"z" * size)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def remove(path: Path, _: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def move(path: Path, other: Path) -> None:
    path.rename(other)


def link(path: Path, other: Path) -> None:
    path.symlink_to(other)


def hard_link(path: Path, other: Path) -> None:
    os.link(path, other)


def swap_for_outside(path: Path, _: Path) -> None:
    remove(path, path)
    path.symlink_to(_outside(path))


def _outside(path: Path) -> Path:
    return next(parent for parent in path.parents if parent.name == "tree") / "../outside"


def make_directory(path: Path, _: Path) -> None:
    path.mkdir(parents=True)


def make_fifo(path: Path, _: Path) -> None:
    os.mkfifo(path)


def make_repository(path: Path, _: Path) -> None:
    (path / ".git").mkdir()
    (path / ".git/HEAD").touch()


def close(path: Path, _: Path) -> None:
    path.chmod(0)


def set_user_id(path: Path, _: Path) -> None:
    path.chmod(0o4777)


def touch(path: Path, _: Path) -> None:
    path.touch()


DAMAGES = (
    write,
    rewrite,
    remove,
    move,
    link,
    hard_link,
    swap_for_outside,
    make_directory,
    make_fifo,
    make_repository,
    close,
    set_user_id,
    touch,
)
# What such a damage does behind a link is done before the tree is asked to restore anything.
THROUGH_LINKS = (write, rewrite, remove, move, hard_link, close, set_user_id, touch, make_fifo)
PATH = st.sampled_from(PATHS)
DAMAGE = st.tuples(st.sampled_from(DAMAGES), PATH, PATH)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(damages=st.lists(DAMAGE, min_size=1, max_size=8))
def test_restore_undoes_any_damage(damages: list[Any], damaged: Tree, look: Look) -> None:
    pristine = look(damaged.root)
    outside = look(damaged.root.with_name("outside"))
    for damage, path, other in damages:
        with suppress(OSError, shutil.SameFileError):
            damage(damaged.root / path, damaged.root / other)
    damaged.restore()
    assert look(damaged.root) == pristine
    assert damaged.changes() == []
    if not any(damage in THROUGH_LINKS for damage, _, _ in damages):
        assert look(damaged.root.with_name("outside")) == outside


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(damages=st.lists(DAMAGE, min_size=1, max_size=8))
def test_no_change_goes_unseen(damages: list[Any], damaged: Tree, look: Look) -> None:
    pristine = look(damaged.root)
    for damage, path, other in damages:
        with suppress(OSError):
            damage(damaged.root / path, damaged.root / other)
    now, changes = look(damaged.root), damaged.changes()
    damaged.restore()
    seen = {change.path for change in changes}
    nested = [c.path for c in changes if c.entry is EntryKind.NESTED_REPOSITORY]
    differing = {path for path, found in now.items() if found != pristine.get(path)}
    differing |= pristine.keys() - now.keys()
    unseen = [
        path
        for path in differing - seen
        if not _is_directory(now.get(path) or pristine[path])
        and not any(path.startswith(f"{repository}/") for repository in nested)
        and not path.startswith(".git/")
    ]
    assert unseen == []


def _is_directory(found: tuple[int, bytes]) -> bool:
    return stat.S_ISDIR(found[0])


@pytest.mark.parametrize("path", [TRAIN, "prepare.sh"], ids=["cached", "from git"])
def test_edits_within_the_clock_s_grain_are_seen(path: str, tree: Tree, look: Look) -> None:
    """The second of two writes in one tick of the clock leaves the same size and times."""
    pristine = look(tree.root)
    for _ in range(50):
        rewrite(tree.root / path, tree.root)
        assert [change.path for change in tree.changes()] == [path]
        tree.restore()
        assert look(tree.root) == pristine


def test_replaced_root_is_made_anew(tree: Tree, tmp_path: Path, look: Look) -> None:
    pristine = look(tree.root)
    tree.root.rename(tmp_path / "moved")
    tree.root.symlink_to(tmp_path / "moved")
    with pytest.raises(NotADirectoryError, match="is no directory"):
        tree.changes()
    tree.restore()
    assert look(tree.root) == pristine
    assert look(tmp_path / "moved") == pristine


@pytest.mark.parametrize("adopted", [True, False])
def test_held_candidate(adopted: bool, tree: Tree, look: Look, propose: Callable[..., Any]) -> None:
    pristine = look(tree.root)
    (tree.root / TRAIN).write_text(prints(0.9))
    (tree.root / "src/new").mkdir()
    (tree.root / "src/new/file").write_text("new\n")
    (tree.root / "src/model.txt").unlink()
    wanted = look(tree.root)
    candidate = propose()
    assert look(tree.root) == pristine
    tree.hold(candidate)
    assert look(tree.root) == wanted
    assert tree.altered([TRAIN, "src/new/file", "src/model.txt", "prepare.sh"]) == []
    write(tree.root / "src/new/file", tree.root)
    write(tree.root / "src/model.txt", tree.root)
    assert tree.altered([TRAIN, "src/new/file", "src/model.txt"]) == [
        "src/new/file",
        "src/model.txt",
    ]
    if adopted:
        tree.adopt(candidate.commit)
    tree.restore()
    assert look(tree.root) == (wanted if adopted else pristine)


def test_moves_between_commits(tree: Tree, look: Look, propose: Callable[..., Any]) -> None:
    pristine, start = look(tree.root), tree.commit or ""
    shutil.rmtree(tree.root / "src")
    (tree.root / "src").write_text("now a file\n")
    (tree.root / "prepare.sh").unlink()
    (tree.root / "prepare.sh").mkdir()
    (tree.root / "prepare.sh/part").write_text("now a directory\n")
    wanted = look(tree.root)
    candidate = propose()
    for commit, expected in [(candidate.commit, wanted), (start, pristine)] * 2:
        tree.move_to(commit)
        assert look(tree.root) == expected
        tree.restore()
        assert look(tree.root) == expected


def test_only_trees_that_were_made_can_be_restored(tree: Tree, tmp_path: Path) -> None:
    unmade = Tree(tree.repository, tmp_path / "unmade", cached=PathPatterns([]))
    with pytest.raises(RuntimeError, match="created before it is restored"):
        unmade.restore()
    with pytest.raises(RuntimeError, match="created before it is moved"):
        unmade.move_to(tree.commit or "")
