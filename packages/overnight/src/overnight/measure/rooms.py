"""The room that each command of a study runs in: what it may see, change and use up."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from overnight.config import Study
from overnight.notify import variables_in
from overnight.sandbox.base import Caps, Confinement, NetworkAccess, Room, Sandbox
from overnight.sandbox.machine import exclusive_files, memory_limit_bytes
from overnight.workspace.pool import Checkout

_GIB = 2**30
# An agent's own commits, which nobody needs, fail without an identity, and it would try again.
_WHO_COMMITS = {
    "GIT_AUTHOR_NAME": "researcher",
    "GIT_AUTHOR_EMAIL": "researcher@localhost",
    "GIT_COMMITTER_NAME": "researcher",
    "GIT_COMMITTER_EMAIL": "researcher@localhost",
}


class Rooms:
    """Makes rooms for a study's commands.

    Files that belong to the scorer or to the hold-out are in no other room.

    Args:
        sandbox: Confines the commands.
        home: Of the user; where ``~`` in the study file leads.
        shared_by: How many commands run on the machine at the same time, each in a sandbox.
    """

    def __init__(self, study: Study, sandbox: Sandbox, *, home: Path, shared_by: int = 1) -> None:
        self._study = study
        self._sandbox = sandbox
        self._shared_by = shared_by
        self._score = exclusive_files(study.score, root=study.root, home=home)
        self._withheld = variables_in(study.notify.urls)
        self._holdout = exclusive_files(study.holdout, root=study.root, home=home)

    def researcher(self, *, writable: Sequence[Path], readable: Sequence[Path], home: Path) -> Room:
        """Where a researcher proposes."""
        table = self._study.researcher
        return self._room(
            Confinement(
                writable=tuple(writable),
                readable=tuple(readable),
                home=home,
                network=table.network,
                gpu=table.gpu,
                may_nest=True,
            ),
            given=_WHO_COMMITS,
        )

    def setup(self, root: Path, output_dir: Path, *, kept: Path | None) -> Room:
        """Where a fresh tree is set up.

        Args:
            kept: Keeps what it writes to caches for the commands that come after it.
        """
        network = self._study.setup.network if self._study.setup is not None else "off"
        return self._room(Confinement(writable=(root, output_dir), network=network, kept=kept))

    def measured(self, checkout: Checkout, *, network: NetworkAccess) -> Room:
        """Where a candidate runs: its checkout is writable, protected files are not."""
        return self._room(
            Confinement(
                writable=(checkout.root, checkout.output_dir),
                fixed=checkout.fixed,
                pinned=checkout.pinned,
                network=network,
                kept=checkout.kept,
            )
        )

    def score(self, root: Path, output_dir: Path, *, candidate: Checkout) -> Room:
        """Where protected code scores: everything of the candidate is read-only."""
        return self._room(self._scoring(root, output_dir, candidate, self._score))

    def holdout(self, root: Path, output_dir: Path, *, candidate: Checkout) -> Room:
        """Where the hold-out is scored, the only room that ever has its files."""
        return self._room(self._scoring(root, output_dir, candidate, self._holdout))

    def _scoring(
        self, root: Path, output_dir: Path, candidate: Checkout, files: tuple[Path, ...]
    ) -> Confinement:
        # The directory that holds the artefacts, since a candidate may have replaced their own.
        readable = (root, candidate.root, candidate.output_dir, *files)
        kept = candidate.kept if root == candidate.root else None
        return Confinement(writable=(output_dir,), readable=readable, kept=kept, sealed=True)

    def _room(self, confinement: Confinement, *, given: Mapping[str, str] | None = None) -> Room:
        return Room(
            self._sandbox,
            confinement,
            caps=self._caps(),
            withheld=self._withheld,
            given=given,
        )

    def _caps(self) -> Caps:
        table = self._study.sandbox
        memory_bytes = memory_limit_bytes(table)
        return Caps(
            memory_bytes=memory_bytes if table.memory_gb else memory_bytes // self._shared_by,
            processes=table.processes,
            disk_bytes=None if table.disk_gb is None else int(table.disk_gb * _GIB),
            free_disk_bytes=int(self._study.watch.least_disk_gb * _GIB),
        )
