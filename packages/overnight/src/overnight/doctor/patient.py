"""The patient: a study and its repository, read and never written."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from overnight.config import Study, load_study
from overnight.doctor.desk import Desk
from overnight.doctor.gpu_use import use_gpu
from overnight.doctor.measured import Measured
from overnight.doctor.once import once
from overnight.doctor.ward import Ward
from overnight.errors import GitFailed, RepositoryError
from overnight.layout import Layout
from overnight.ledger.queries import LedgerReader
from overnight.researchers.base import Researcher
from overnight.researchers.registry import create as create_researcher
from overnight.workspace.git import git
from overnight.workspace.repository import Repository

_FOREIGN = "dubious ownership"
_FILE_KINDS = (b"100644", b"100755")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user allows beyond looking.

    Attributes:
        quick: Leave out what takes as long as a run.
        call: Make one tiny call of the agent, which may cost money.
        notify: Send a test message.
        repeat: How often the baseline is measured.
    """

    quick: bool = False
    call: bool = False
    notify: bool = False
    repeat: int = 1


class Patient:
    """A study as its file and its repository state it.

    Args:
        study_file: It need not be valid, or be there.
        stack: Gives back what is opened.
    """

    def __init__(self, study_file: Path, wishes: Wishes, *, stack: ExitStack) -> None:
        self.study_file = study_file
        self.layout = Layout(study_file.parent)
        self.wishes = wishes
        self.environ: Mapping[str, str] = dict(os.environ)
        self._stack = stack

    @once
    def study(self) -> Study:
        """What the study file says."""
        return load_study(self.study_file)

    @once
    def repository(self) -> Repository:
        """The study's repository."""
        try:
            repository = Repository(self.layout.root, self.study.name)
        except RepositoryError as error:
            raise _cause_of(error, self.layout.root) from error
        self._stack.callback(repository.close)
        return repository

    @once
    def ledger(self) -> LedgerReader | None:
        """The record of earlier nights; None before the first."""
        if not self.layout.ledger.exists():
            return None
        reader = LedgerReader(self.layout.ledger)
        self._stack.callback(reader.close)
        return reader

    @once
    def baseline(self) -> str:
        """The commit that the study begins, or began, from."""
        ledger = self.ledger
        if ledger is not None and ledger.incumbent() is not None:
            return ledger.study.baseline_commit
        return self.repository.head()

    @once
    def files(self) -> tuple[str, ...]:
        """The baseline's files."""
        return tuple(self.repository.files(self.baseline))

    @once
    def sizes(self) -> Mapping[str, int]:
        """The baseline's files with their sizes in bytes; every object must be here."""
        listing = git("ls-tree", "-r", "-l", "-z", self.baseline, cwd=self.layout.root)
        return dict(_sized(listing))

    @once
    def researcher(self) -> Researcher:
        """Who proposes."""
        return create_researcher(self.study.researcher_settings)

    @once
    def ward(self) -> Ward:
        """The sandboxes."""
        return Ward(
            self.study,
            self.repository,
            baseline=self.baseline,
            environ=self.environ,
            stack=self._stack,
        )

    @once
    def desk(self) -> Desk:
        """Where the researcher works."""
        return Desk(
            self.study,
            self.ward,
            baseline=self.baseline,
            ledger=self.ledger,
            environ=self.environ,
        )

    @once
    def measured(self) -> Measured:
        """Measurements of the baseline."""
        return Measured(self.ward)

    @once
    def gpu_use(self) -> Mapping[str, str]:
        """What the study's own Python makes of the GPU; see the probe ``compute``."""
        needs_setup = self.study.setup is not None and not self.wishes.quick
        return use_gpu(self.study, self.ward, after_setup=needs_setup)

    def commands(self) -> dict[str, str]:
        """The study's lines of shell, each with the key that holds it, in the order of a trial."""
        study = self.study
        tables = {
            "setup": study.setup,
            "measure": study.measure,
            "score": study.score,
            "holdout": study.holdout,
        }
        return {f"{name}.command": table.command for name, table in tables.items() if table}

    def text(self, path: str) -> str:
        """A file of the baseline; empty where it is none, or no text."""
        return self.repository.text(self.baseline, path)


@contextmanager
def admitted(study_file: Path, wishes: Wishes) -> Iterator[Patient]:
    """A patient while the block lasts; nothing of the examination is left behind."""
    with ExitStack() as stack:
        yield Patient(study_file, wishes, stack=stack)


def _cause_of(error: RepositoryError, root: Path) -> RepositoryError:
    """The reason behind a repository that cannot be opened."""
    cause = error.__cause__
    if not isinstance(cause, GitFailed):
        return error
    if _FOREIGN in cause.stderr:
        return RepositoryError(
            f"git refuses {root}, because it belongs to another user.",
            fix=f"Run `git config --global --add safe.directory {root}`.",
        )
    return error if cause.stderr else cause


def _sized(listing: bytes) -> Iterator[tuple[str, int]]:
    for entry in filter(None, listing.split(b"\0")):
        about, path = entry.split(b"\t", 1)
        mode, _, _, size = about.split()
        if mode in _FILE_KINDS:
            yield os.fsdecode(path), int(size)
