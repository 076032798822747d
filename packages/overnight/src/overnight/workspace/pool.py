"""The directories of a night, the next ones made ready while the device is busy.

One clone for the researcher and two checkouts for measuring, used in turn: while a command runs in
one, a background thread brings the clone and the other checkout back to the incumbent.
"""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from typing import ParamSpec, TypeVar

from overnight.patterns import PathPatterns
from overnight.types import Change
from overnight.workspace.candidates import Candidate
from overnight.workspace.clone import Clone
from overnight.workspace.protection import Protection, protect, shadowed
from overnight.workspace.repository import Repository
from overnight.workspace.tree import Tree, discard

_BACKGROUND_NICENESS = 10
P = ParamSpec("P")
T = TypeVar("T")


class Checkout:
    """A pristine tree of a candidate, protected files as the baseline has them.

    Args:
        tree: The directory; its ``.git`` is absent on purpose.
        watched: Files whose alteration during a run makes its result worthless.
    """

    def __init__(
        self, tree: Tree, *, baseline: str, protected: PathPatterns, watched: PathPatterns
    ) -> None:
        self.tree = tree
        self._baseline = baseline
        self._protected = protected
        self._watched = watched
        self._watched_files: set[str] = set()
        self._protection = Protection()
        self._strayed: list[Change] | None = None
        self._candidate: Candidate | None = None

    @property
    def candidate(self) -> Candidate:
        """What it is a tree of."""
        if self._candidate is None:
            raise RuntimeError("a checkout is asked for its candidate before it holds one")
        return self._candidate

    @property
    def root(self) -> Path:
        """Where the measured command runs."""
        return self.tree.root

    @property
    def output_dir(self) -> Path:
        """Where the measured command may leave files for the harness; empty at its start."""
        return self.root.with_name(f"{self.root.name}-output")

    @property
    def artefacts(self) -> Path:
        """Where the measured command leaves what the scorer reads."""
        return self.output_dir / "artefacts"

    @property
    def kept(self) -> Path:
        """Keeps what one of its commands writes to package managers' caches for the next one."""
        return self.root.with_name(f"{self.root.name}-caches")

    @property
    def fixed(self) -> tuple[Path, ...]:
        """Protected files and directories, which the measured command must not change."""
        return tuple(self.root / path for path in self._protection.fixed)

    @property
    def pinned(self) -> tuple[Path, ...]:
        """The directories that hold those."""
        return tuple(self.root / path for path in self._protection.pinned)

    def prepare(self, commit: str) -> None:
        """Bring the tree to a commit, protected files to the baseline."""
        if self.tree.commit is None:
            self.tree.create(commit)
        else:
            self.tree.adopt(commit)
            discard(self.root / ".git")  # which `restore` leaves alone
            self.tree.restore()
            self.tree.move_to(commit)
        if self._strayed is None:
            # Guards refuse proposals that touch protected files, so later commits stray no further.
            differing = self.tree.repository.changes(commit, self._baseline)
            self._strayed = [change for change in differing if self._protected.match(change.path)]
        self.tree.apply(self._baseline, self._strayed)
        discard(self.kept)
        discard(self.output_dir)
        self.artefacts.mkdir(parents=True)

    def hold(self, candidate: Candidate) -> None:
        """Turn a prepared tree into a candidate's, whose parent may have been kept since."""
        self._candidate = candidate
        self.tree.hold(candidate)
        self._watched_files = set(filter(self._watched.match, self.tree.tracked()))
        self._watched_files.update(change.path for change in candidate.changes)
        self._protection = protect(self.tree.tracked(), self._protected)

    def forget_bytecode(self) -> None:
        """Remove compiled files beside tracked sources, which a setup may have planted."""
        real_root = self.root.resolve()
        for place in {path.rpartition("/")[0] for path in self.tree.tracked()}:
            if (self.root / place).resolve() == real_root / place:  # no link was put in its place
                discard(self.root / place / "__pycache__")

    def take_artefacts(self, used: "Checkout") -> None:
        """Move here what a run has left in another checkout for whoever scores it."""
        if used.artefacts.is_dir() and not used.artefacts.is_symlink():
            discard(self.artefacts)
            used.artefacts.rename(self.artefacts)

    def altered(self) -> list[str]:
        """Editable and protected files that are no longer as they were written, or are shadowed."""
        tracked = set(self.tree.tracked())
        shadows = shadowed(self.root, filter(self._protected.match, tracked), tracked)
        return sorted({*self.tree.altered(self._watched_files), *shadows})


class Workspaces:
    """The clone and the checkouts of one night.

    Args:
        directory: Emptied first; nothing else may use it.
        editable: Which files a proposal may change.
        protected: Which files every run has as the baseline has them.
    """

    def __init__(
        self,
        repository: Repository,
        directory: Path,
        *,
        baseline: str,
        editable: PathPatterns,
        protected: PathPatterns,
    ) -> None:
        self._directory = directory
        self._baseline = baseline
        discard(directory)
        directory.mkdir(parents=True, mode=0o700)
        branch = repository.branch_ref.removeprefix("refs/heads/")
        self._clone = Clone(repository, directory / "researcher", branch=branch, editable=editable)
        watched = PathPatterns((*editable.patterns, *protected.patterns))
        checkouts = [
            Checkout(
                Tree(repository, directory / f"measure-{letter}", cached=editable),
                baseline=baseline,
                protected=protected,
                watched=watched,
            )
            for letter in "ab"
        ]
        self._checkouts = cycle(checkouts)
        self._scorer = Tree(repository, directory / "score", cached=editable)
        self._worker = ThreadPoolExecutor(1, "workspaces", initializer=_yield_to_the_device)
        self._clone_ready: Future[None] | None = None
        self._next: tuple[Checkout, Future[None]] | None = None

    def prepare(self, incumbent: str) -> None:
        """Begin to make the next clone and checkout ready, in the background."""
        self._clone_ready = self._worker.submit(self._ready_clone, incumbent)
        if self._next is None:
            self._next = self._prepare_checkout(incumbent)

    def clone(self, incumbent: str) -> Tree:
        """The researcher's clone, pristine at the incumbent; waits until it is ready."""
        if self._clone_ready is not None:
            self._clone_ready.result()
            self._clone_ready = None
        self._ready_clone(incumbent)
        return self._clone.hand_out(incumbent)

    def checkout(self, candidate: Candidate) -> Checkout:
        """A checkout of the candidate; waits until it is ready."""
        checkout, ready = self._next or self._prepare_checkout(candidate.parent)
        self._next = None
        ready.result()
        checkout.hold(candidate)
        return checkout

    def another(self, used: Checkout) -> Checkout:
        """A checkout of the same candidate in which nothing has run yet."""
        return self.checkout(used.candidate)

    @property
    def of_researcher(self) -> tuple[Path, ...]:
        """The directories that are the researcher's to use."""
        return (self._directory / "researcher",)

    def scorer(self) -> Path:
        """The baseline's tree, for commands that no candidate has a part in."""
        if self._scorer.commit is None:
            self._scorer.create(self._baseline)
        return self._scorer.root

    def score_output(self) -> Path:
        """An empty directory for what a scorer reports."""
        directory = self._directory / "score-output"
        discard(directory)
        directory.mkdir()
        return directory

    def outbox(self) -> Path:
        """An empty directory for what a researcher says of its change."""
        directory = self._directory / "researcher" / "outbox"
        discard(directory)
        directory.mkdir(parents=True)
        return directory

    def in_background(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Do something when the background thread comes to it."""
        return self._worker.submit(work, *args, **kwargs)

    def close(self) -> None:
        """Wait for the background and remove every directory."""
        self._worker.shutdown(cancel_futures=True)
        self._clone.close()
        discard(self._directory)

    def _prepare_checkout(self, commit: str) -> tuple[Checkout, Future[None]]:
        checkout = next(self._checkouts)
        return checkout, self._worker.submit(checkout.prepare, commit)

    def _ready_clone(self, incumbent: str) -> None:
        if self._clone.tree.commit is None:
            self._clone.create(baseline=self._baseline, incumbent=incumbent)
        else:
            self._clone.refresh(incumbent)


def _yield_to_the_device() -> None:
    """Lower the priority of this thread and of the git processes that it starts."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _BACKGROUND_NICENESS)
