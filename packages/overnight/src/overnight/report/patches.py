"""The patch of a trial."""

from overnight.errors import LedgerError, RepositoryError
from overnight.layout import Layout
from overnight.ledger.records import StudyRecord, TrialRecord
from overnight.workspace.repository import Repository

PATCH_FILE = "proposal.patch"


def patch_of(trial: TrialRecord, study: StudyRecord, layout: Layout) -> bytes:
    """What a trial changed, as a patch that ``git apply`` takes; empty for the baseline.

    Raises:
        LedgerError: The trial came to no proposal.
        RepositoryError: Neither the repository nor the trial's directory has the patch.
    """
    if trial.commit is None:
        raise LedgerError(
            f"Trial {trial.number} has no proposal.", fix=f"`overnight show {trial.number}`: why."
        )
    if trial.commit == trial.parent_commit:
        return b""
    try:
        repository = Repository(layout.root, study.name)
        patch, _ = repository.patch(trial.parent_commit, trial.commit)
    except RepositoryError:
        saved = layout.trial(trial.number) / PATCH_FILE
        if not saved.is_file():
            raise
        return saved.read_bytes()
    return patch
