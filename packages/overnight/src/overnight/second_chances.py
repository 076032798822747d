"""Proposals that fell with a keep that did not hold are made once more, before anything new."""

from overnight.errors import NothingLeft
from overnight.ledger.queries import LedgerReader
from overnight.researchers.base import Assignment, Researcher
from overnight.researchers.replay import Patch, Replay
from overnight.types import CheckpointKind, Draft
from overnight.workspace.repository import Repository

_TITLE = "again: {title}"


class SecondChances:
    """Replays what was demoted without being at fault, then lets the study's researcher go on.

    What does not apply without the keep at fault depends on it, and is passed by.

    Args:
        own: The study's researcher.
    """

    def __init__(self, own: Researcher, ledger: LedgerReader, repository: Repository) -> None:
        self._own = own
        self._ledger = ledger
        self._repository = repository

    def propose(self, assignment: Assignment) -> Draft:
        """Make the next proposal again, or a new one; see `Researcher.propose`."""
        patches = self._patches()
        if patches:
            try:
                return Replay(patches).propose(assignment)
            except NothingLeft:
                pass
        return self._own.propose(assignment)

    def _patches(self) -> list[Patch]:
        """What was demoted at checkpoints beside the keeps at fault."""
        at_fault = {
            checkpoint.culprit
            for checkpoint in self._ledger.checkpoints()
            if checkpoint.kind is not CheckpointKind.DRIFT
        }
        if at_fault <= {None}:
            return []
        return [
            Patch(
                f"{self._ledger.study.id[:8]}/{trial.number:04d}",
                _TITLE.format(title=trial.title),
                self._repository.patch(trial.parent_commit, trial.commit)[0],
            )
            for trial in self._ledger.ever_kept()
            if trial.demoted_after is not None
            and trial.number not in at_fault
            and trial.commit is not None
        ]
