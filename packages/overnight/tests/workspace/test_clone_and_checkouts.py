"""What the researcher's clone and the checkouts hold, and that both are new for every trial."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from overnight.errors import GitFailed
from overnight.patterns import PathPatterns
from overnight.testing.studies import FILES, TRAIN, TinyStudy, prints
from overnight.workspace.candidates import Candidate
from overnight.workspace.git import git
from overnight.workspace.pool import Workspaces
from overnight.workspace.repository import Repository


@pytest.fixture
def workspaces(study: TinyStudy, repository: Repository, tmp_path: Path) -> Iterator[Workspaces]:
    study.commit({"history.txt": "before the baseline\n"})
    study.commit({"history.txt": "the baseline\n"})
    workspaces = Workspaces(
        repository,
        tmp_path / "night",
        baseline=repository.head(),
        editable=PathPatterns([TRAIN, "src/**"]),
        protected=PathPatterns(["prepare.sh"]),
    )
    yield workspaces
    workspaces.close()
    assert not (tmp_path / "night").exists()


@pytest.fixture
def make_candidate(workspaces: Workspaces, repository: Repository) -> Callable[..., Candidate]:
    """Makes a candidate in the researcher's clone."""

    def make_candidate(trial: int, *, parent: str, value: float) -> Candidate:
        clone = workspaces.clone(parent)
        (clone.root / TRAIN).write_text(prints(value))
        candidate = repository.commit_proposal(
            trial=trial,
            parent=parent,
            message=f"Trial {trial}\n",
            work_tree=clone.root,
            changes=clone.changes(),
        )
        assert candidate is not None
        return candidate

    return make_candidate


def knows(clone: Path, commit: str) -> bool:
    try:
        git("cat-file", "-e", commit, cwd=clone)
    except GitFailed:
        return False
    return True


def test_clone_holds_the_baseline_and_kept_commits_only(
    workspaces: Workspaces, repository: Repository, make_candidate: Callable[..., Candidate]
) -> None:
    baseline = repository.head()
    kept = make_candidate(1, parent=baseline, value=0.9)
    discarded = make_candidate(2, parent=kept.commit, value=1.9)
    kept_later = make_candidate(3, parent=kept.commit, value=0.8)
    clone = workspaces.clone(kept_later.commit).root
    history = git("rev-list", "--all", cwd=clone).decode().split()
    assert history == [kept_later.commit, kept.commit, baseline]
    assert git("for-each-ref", "--format=%(refname)", cwd=clone) == b"refs/heads/overnight/tiny\n"
    assert git("symbolic-ref", "HEAD", cwd=clone) == b"refs/heads/overnight/tiny\n"
    assert git("status", "--porcelain", "--ignored", cwd=clone) == b""
    assert not knows(clone, discarded.commit)
    assert not knows(clone, f"{discarded.commit}^{{tree}}")
    assert git("remote", cwd=clone) == b""
    git("fsck", "--strict", cwd=clone)


def test_clone_of_a_night_that_goes_on(
    study: TinyStudy,
    repository: Repository,
    tmp_path: Path,
    make_candidate: Callable[..., Candidate],
) -> None:
    """A new process knows no recipe of the kept commits and fetches them."""
    baseline = repository.head()
    kept = make_candidate(1, parent=baseline, value=0.9)
    discarded = make_candidate(2, parent=kept.commit, value=1.9)
    later = Workspaces(
        Repository(study.root, "tiny"),
        tmp_path / "later",
        baseline=baseline,
        editable=PathPatterns([TRAIN]),
        protected=PathPatterns([]),
    )
    clone = later.clone(kept.commit).root
    assert git("rev-list", "--all", cwd=clone).decode().split() == [kept.commit, baseline]
    assert not knows(clone, discarded.commit)
    later.close()


def test_checkouts_take_turns_and_are_pristine(
    workspaces: Workspaces, repository: Repository, make_candidate: Callable[..., Candidate]
) -> None:
    baseline = repository.head()
    roots = []
    for trial in range(1, 6):
        candidate = make_candidate(trial, parent=baseline, value=trial)
        checkout = workspaces.checkout(candidate)
        workspaces.prepare(baseline)
        roots.append(checkout.root)
        files = {path.name for path in checkout.root.iterdir()}
        assert files == {path.split("/")[0] for path in FILES} | {"overnight.toml", "history.txt"}
        assert (checkout.root / TRAIN).read_text() == prints(trial)
        assert list(checkout.output_dir.iterdir()) == [checkout.artefacts]
        assert checkout.altered() == []
        (checkout.root / "left").touch()
        (checkout.root / ".git").mkdir()
        (checkout.root / "prepare.sh").unlink()
        (checkout.output_dir / "metrics.json").touch()
        assert checkout.altered() == ["prepare.sh"]
    assert len(set(roots)) == 2


def test_checkout_has_protected_files_as_the_baseline_has_them(
    study: TinyStudy, workspaces: Workspaces, make_candidate: Callable[..., Candidate]
) -> None:
    """Also where an earlier night, which did not protect them, kept a change of them."""
    strayed = study.commit({"prepare.sh": "cheat\n"})
    checkout = workspaces.checkout(make_candidate(1, parent=strayed, value=0.9))
    assert (checkout.root / "prepare.sh").read_text() == FILES["prepare.sh"]
    assert (checkout.root / TRAIN).read_text() == prints(0.9)
