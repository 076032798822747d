"""Where a study's files are."""

import os
from dataclasses import dataclass
from pathlib import Path

STATE_DIR = ".overnight"


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of a study.

    Attributes:
        root: The repository's top directory.
    """

    root: Path

    @property
    def state(self) -> Path:
        """The study's directory in the repository, which git does not see."""
        return self.root / STATE_DIR

    @property
    def ledger(self) -> Path:
        """The durable record."""
        return self.state / "ledger.db"

    @property
    def results(self) -> Path:
        """The live table in autoresearch's columns."""
        return self.state / "results.tsv"

    def comparison(self, number: int) -> Path:
        """The report of a comparison, without the suffix of its kind."""
        return self.state / f"comparison-{number}"

    @property
    def picture(self) -> Path:
        """The progress picture, drawn at the end of each session."""
        return self.state / "progress.png"

    @property
    def lock(self) -> Path:
        """Held by the process that runs the study."""
        return self.state / "lock"

    @property
    def trials(self) -> Path:
        """One directory per trial: brief, agent's events, patch, logs."""
        return self.state / "trials"

    def trial(self, number: int) -> Path:
        """The directory of one trial."""
        return self.trials / f"{number:04d}"

    def create(self) -> None:
        """Make the study's directory, excluded from git by itself."""
        self.state.mkdir(exist_ok=True)
        ignore = self.state / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")


def work_directory(study_id: str) -> Path:
    """Where a study's clones and checkouts are made, outside of any repository.

    `OVERNIGHT_WORK` moves it, for instance to a fast local disk.
    """
    return _work_base() / study_id


def leases_directory() -> Path:
    """Where the nights of one user say which device is taken."""
    return _work_base() / "devices"


def _work_base() -> Path:
    base = os.environ.get("OVERNIGHT_WORK")
    if base:
        return Path(base).absolute()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "overnight"
