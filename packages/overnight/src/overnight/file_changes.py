"""What a trial changes, as the text of each file before and after."""

from overnight.drift.facts import FileChange
from overnight.ledger.records import TrialRecord
from overnight.workspace.repository import Repository

_MOST_FILES = 200


def changes_of(repository: Repository, trial: TrialRecord) -> tuple[FileChange, ...]:
    """The files that a trial's proposal changes; none where it came to no candidate."""
    if trial.commit is None:
        return ()
    candidate = repository.recent(trial.commit) or repository.candidate(
        parent=trial.parent_commit, commit=trial.commit
    )
    return tuple(
        FileChange(
            change.path,
            old=repository.text(candidate.parent, change.path) or None,
            new=repository.text(candidate.commit, change.path) or None,
        )
        for change in candidate.changes[:_MOST_FILES]
    )
