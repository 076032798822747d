"""A researcher's files become a commit byte for byte, and a patch that makes it again."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from overnight.testing.studies import TRAIN, TinyStudy
from overnight.types import ChangeKind, DiffStat
from overnight.workspace.candidates import Candidate
from overnight.workspace.git import git
from overnight.workspace.repository import Repository
from overnight.workspace.tree import Tree

Propose: TypeAlias = Callable[..., Candidate]

NAMES = [
    "two words",
    " leading and trailing ",
    "-rf",
    "--help",
    'a "quoted" name',
    "it's",
    "back\\slash",
    "trailing\\",
    "\\n is no newline",
    "a\tb",
    "größe 数 \N{SNOWMAN}",
    "e\u0301 decomposed",
    "*?[glob]",
    ":(exclude)magic",
    "#comment",
    "!negated",
    "$HOME `id` ;true",
    "x" * 200,
    "src/-deep/-er/file",
]


@pytest.mark.parametrize("name", NAMES)
def test_odd_names(name: str, tree: Tree, repository: Repository, propose: Propose) -> None:
    (tree.root / name).parent.mkdir(parents=True, exist_ok=True)
    (tree.root / name).write_bytes(b"content\n")
    candidate = propose()
    assert [(change.path, change.kind) for change in candidate.changes] == [
        (name, ChangeKind.ADDED)
    ]
    assert name in set(repository.files(candidate.commit))
    tree.move_to(candidate.commit)
    assert (tree.root / name).read_bytes() == b"content\n"
    (tree.root / name).unlink()
    without = propose(2)
    assert [(change.path, change.kind) for change in without.changes] == [
        (name, ChangeKind.DELETED)
    ]
    assert without.tree == repository.candidate(parent="HEAD", commit="HEAD").tree


def adds(root: Path) -> None:
    (root / "new file.txt").write_text("one\ntwo\n")


def modifies(root: Path) -> None:
    (root / TRAIN).write_text("echo\n" * 3)


def deletes(root: Path) -> None:
    (root / "src/model.txt").unlink()


def moves(root: Path) -> None:
    (root / "src/model.txt").rename(root / "model.txt")


def makes_executable(root: Path) -> None:
    (root / TRAIN).chmod(0o755)


def writes_bytes(root: Path) -> None:
    (root / "binary").write_bytes(bytes(range(256)) * 50)


def writes_no_newline(root: Path) -> None:
    (root / TRAIN).write_text("no newline")


def writes_windows_lines(root: Path) -> None:
    (root / TRAIN).write_bytes(b"one\r\ntwo\r\n")


def empties(root: Path) -> None:
    (root / TRAIN).write_bytes(b"")


def adds_empty(root: Path) -> None:
    (root / "empty").touch()


def makes_directory_of_file(root: Path) -> None:
    (root / TRAIN).unlink()
    (root / TRAIN).mkdir()
    (root / TRAIN / "inner").write_text("x\n")


def makes_file_of_directory(root: Path) -> None:
    shutil.rmtree(root / "src")
    (root / "src").write_text("x\n")


def makes_link(root: Path) -> None:
    (root / TRAIN).unlink()
    (root / TRAIN).symlink_to("prepare.sh")


def does_everything(root: Path) -> None:
    for act in (adds, writes_bytes, adds_empty, makes_file_of_directory, makes_executable):
        act(root)
    for name in NAMES[:-1]:
        (root / name).write_text(f"{name}\n")


ACTS = {
    adds: DiffStat(2, 0),
    modifies: DiffStat(3, 1),
    deletes: DiffStat(0, 1),
    moves: DiffStat(1, 1),
    makes_executable: DiffStat(0, 0),
    writes_bytes: DiffStat(0, 0),
    writes_no_newline: DiffStat(1, 1),
    writes_windows_lines: DiffStat(2, 1),
    empties: DiffStat(0, 1),
    adds_empty: DiffStat(0, 0),
    makes_directory_of_file: DiffStat(1, 1),
    makes_file_of_directory: DiffStat(1, 1),
    makes_link: DiffStat(1, 1),
    does_everything: DiffStat(3 + len(NAMES) - 1, 1),
}


@pytest.mark.parametrize(("act", "stat"), ACTS.items(), ids=[act.__name__ for act in ACTS])
def test_patch_makes_the_candidate_again(
    act: Callable[[Path], None], stat: DiffStat, tree: Tree, study: TinyStudy, propose: Propose
) -> None:
    act(tree.root)
    candidate = propose()
    patch, size = tree.repository.patch(candidate.parent, candidate.commit)
    assert size == stat
    other = study.root.with_name("other")
    git("clone", "--quiet", str(study.root), str(other), cwd=study.root)
    git("apply", "--index", "-", cwd=other, stdin=patch)
    assert git("write-tree", cwd=other).decode().strip() == candidate.tree
    again = tree.repository.candidate(parent=candidate.parent, commit=candidate.commit)
    assert again.tree == candidate.tree
    assert _told(again) == _told(candidate)


def _told(candidate: Candidate) -> list[tuple[str, str, str]]:
    return sorted((change.path, change.kind, change.entry) for change in candidate.changes)


def test_unchanged_files_are_no_part_of_a_candidate(tree: Tree, propose: Propose) -> None:
    modifies(tree.root)
    (tree.root / "prepare.sh").touch()
    candidate = propose()
    assert [change.path for change in candidate.changes] == [TRAIN]
    assert candidate.recipe is not None
    assert candidate.recipe.paths == [TRAIN]


def test_no_change_leaves_no_ref(tree: Tree, study: TinyStudy) -> None:
    (tree.root / TRAIN).touch()
    assert (
        tree.repository.commit_proposal(
            trial=1,
            parent=tree.commit or "",
            message="nothing\n",
            work_tree=tree.root,
            changes=tree.changes(),
        )
        is None
    )
    assert study.git("for-each-ref", "refs/overnight") == ""


def test_candidates_stay_reachable_under_refs_of_their_own(
    tree: Tree, study: TinyStudy, propose: Propose
) -> None:
    modifies(tree.root)
    first = propose(1)
    adds(tree.root)
    second = propose(12)
    assert study.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/overnight") == (
        f"refs/overnight/tiny/trials/0001 {first.commit}\n"
        f"refs/overnight/tiny/trials/0012 {second.commit}"
    )


@pytest.mark.parametrize("message", ["", "\n", "a\0b", "größe\n\n\ud800", "from HEAD\ndata 5\n"])
def test_any_message(message: str, tree: Tree, study: TinyStudy) -> None:
    modifies(tree.root)
    candidate = tree.repository.commit_proposal(
        trial=1,
        parent=tree.commit or "",
        message=message,
        work_tree=tree.root,
        changes=tree.changes(),
    )
    assert candidate is not None
    told = study.git("show", "--no-patch", "--format=%B", candidate.commit)
    before_nul = message.partition("\0")[0].strip()
    assert told.startswith(before_nul.replace("\ud800", "?"))


def test_filters_do_not_change_bytes(tree: Tree, study: TinyStudy, propose: Propose) -> None:
    study.git("config", "core.autocrlf", "true")
    study.git("config", "filter.shout.clean", "tr a-z A-Z")
    (tree.root / ".gitattributes").write_text("* filter=shout text\n")
    writes_windows_lines(tree.root)
    candidate = propose()
    blob = git("cat-file", "blob", f"{candidate.commit}:{TRAIN}", cwd=study.root)
    assert blob == b"one\r\ntwo\r\n"


def test_root_without_read_permission_is_an_error(tree: Tree) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything; faults/test_user_repository.py drops that power")
    tree.root.chmod(0)
    with pytest.raises(PermissionError):
        tree.changes()
