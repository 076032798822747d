"""The things that one night works with, assembled once."""

from dataclasses import dataclass
from pathlib import Path

from overnight.config import Study
from overnight.ledger.store import Ledger
from overnight.ledger.tsv import ResultsFile
from overnight.prices import Prices
from overnight.processes.supervisor import StopSignal, Supervisor
from overnight.progress import Watcher
from overnight.researchers.base import Researcher
from overnight.workspace.pool import Workspaces
from overnight.workspace.repository import Repository


@dataclass(frozen=True, slots=True)
class Bench:
    """What the steps of a trial share; none of it is theirs to replace."""

    study: Study
    repository: Repository
    ledger: Ledger
    results: ResultsFile
    workspaces: Workspaces
    researcher: Researcher
    processes: Supervisor
    watcher: Watcher
    stop: StopSignal
    prices: Prices
    trials_dir: Path
    researcher_home: Path

    def trial_dir(self, trial: int) -> Path:
        """Where a trial's files are kept."""
        directory = self.trials_dir / f"{trial:04d}"
        directory.mkdir(parents=True, exist_ok=True)
        return directory
