"""The things that one night works with, assembled once."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from overnight.config import Study
from overnight.guards.proposals import ProposalGuards
from overnight.ledger.store import Ledger
from overnight.ledger.tsv import ResultsFile
from overnight.measure.measuring import Measuring
from overnight.measure.rooms import Rooms
from overnight.prices import Prices
from overnight.processes.supervisor import StopSignal
from overnight.progress import Watcher
from overnight.researchers.base import CREDENTIALS, Researcher
from overnight.seats import Seat
from overnight.timesheet import Timesheet
from overnight.workspace.pool import Workspaces
from overnight.workspace.repository import Repository
from overnight.workspace.tree import discard


@dataclass(frozen=True, slots=True)
class Bench:
    """What the steps of a trial share; none of it is theirs to replace.

    Attributes:
        fresh_workspaces: Makes directories anew from the repository, under a name of their own.
    """

    study: Study
    repository: Repository
    ledger: Ledger
    results: ResultsFile
    workspaces: Workspaces
    fresh_workspaces: Callable[[str], Workspaces]
    researcher: Researcher
    rooms: Rooms
    guards: ProposalGuards
    measuring: Measuring
    seat: Seat
    watcher: Watcher
    stop: StopSignal
    prices: Prices
    timesheet: Timesheet
    trials_dir: Path
    researcher_home: Path

    def trial_dir(self, trial: int) -> Path:
        """Where a trial's files are kept."""
        directory = self.trials_dir / f"{trial:04d}"
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def forget_notes(self) -> None:
        """Empty the researcher's home, where an agent keeps what it wants to remember."""
        for entry in self.researcher_home.iterdir():
            if not entry.match(CREDENTIALS):
                discard(entry)
