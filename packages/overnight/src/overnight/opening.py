"""Opening a study's ledger: made on the first night, checked against its study on the others."""

from pathlib import PurePosixPath

from overnight.config import Study
from overnight.errors import BranchMoved, LedgerError, RepositoryError
from overnight.layout import Layout
from overnight.ledger.queries import LedgerReader
from overnight.ledger.store import Ledger, create_ledger
from overnight.progress import Watcher
from overnight.sandbox.opening import exclusive_paths
from overnight.workspace.repository import Repository


def open_ledger(study: Study, layout: Layout, repository: Repository, watcher: Watcher) -> Ledger:
    """The study's ledger for writing; tells what the night starts from and what it leaves out.

    Raises:
        LedgerError: It was made for another study or by another version.
        BranchMoved: The study's branch is there, but no ledger that explains it.
        RepositoryError: The repository cannot carry a study.
    """
    refuse_branch(study, layout, repository)
    refuse_tracked_secrets(study, repository)
    if not layout.ledger.exists():
        _create_ledger(study, layout, repository)
    ledger = Ledger(layout.ledger)
    refuse_other_study(study, ledger)
    baseline = ledger.study.baseline_commit
    if ledger.incumbent() is None and repository.head() != baseline:
        baseline = repository.head()
        ledger.replace_baseline(baseline)
        watcher.say(f"The baseline is now {baseline[:7]}.")
    dirty = repository.uncommitted()
    if dirty:
        watcher.say(
            f"Working from commit {baseline[:7]}; uncommitted changes to {dirty[0]}"
            f"{f' and {len(dirty) - 1} more files' if dirty[1:] else ''} are not part of it."
        )
    submodules = repository.submodules(baseline)
    if submodules:
        watcher.say(f"Submodules are not checked out: {', '.join(submodules)}.")
    return ledger


def refuse_branch(study: Study, layout: Layout, repository: Repository) -> None:
    """Refuse a branch of the study's that a night must not move.

    Raises:
        RepositoryError: A working tree of the user's is on it.
        BranchMoved: It is there, but no ledger that explains it.
    """
    if repository.branch_is_checked_out():
        raise RepositoryError(
            f"A working tree of yours is on {study.branch}, which this night would move.",
            fix="Check out another branch there.",
        )
    if not layout.ledger.exists() and repository.branch_head() is not None:
        raise BranchMoved(
            f"Branch {study.branch} exists already, but {layout.ledger} does not.",
            fix=f"Give the study another name, or run `git branch -D {study.branch}`.",
        )


def refuse_tracked_secrets(study: Study, repository: Repository) -> None:
    """Refuse files of the scorer's or the hold-out's in git, which every clone has whole.

    Raises:
        RepositoryError: One is in the current commit.
    """
    inside = [p.relative_to(study.root) for p in exclusive_paths(study) if study.root in p.parents]
    if not inside:
        return
    for file in map(PurePosixPath, repository.files(repository.head())):
        secret = next((path for path in inside if file.is_relative_to(path)), None)
        if secret is not None:
            raise RepositoryError(
                f"{file} is in git, so every researcher's clone would hold it.",
                fix=f"Move {secret} out of the repository, or take it out of git.",
            )


def _create_ledger(study: Study, layout: Layout, repository: Repository) -> None:
    create_ledger(
        layout.ledger,
        name=study.name,
        objective=study.objective,
        baseline_commit=repository.head(),
    )


def refuse_other_study(study: Study, ledger: LedgerReader) -> None:
    """Refuse a ledger that was made for another objective.

    Raises:
        LedgerError: It was.
    """
    made_for = (ledger.study.name, ledger.study.metric, ledger.study.goal)
    asked_for = (study.name, study.objective.metric, study.objective.goal)
    if made_for != asked_for:
        raise LedgerError(
            f"{ledger.path} holds the study {' '.join(made_for)}, not {' '.join(asked_for)}.",
            fix=f"Change {study.path.name} back, or move {ledger.path.parent} away.",
        )
