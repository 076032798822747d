"""The desk: where the researcher would make its next proposal."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from overnight.config import Study
from overnight.doctor.asking import Told, told_by
from overnight.doctor.once import once
from overnight.doctor.ward import Ward
from overnight.layout import work_directory
from overnight.ledger.queries import LedgerReader
from overnight.processes.supervisor import Command, Limits
from overnight.researchers.base import Assignment
from overnight.sandbox.base import Needs
from overnight.types import PastTrial

_PATIENCE_S = 60.0


class Desk:
    """Assignments as a night would give them, and the room that goes with them.

    Args:
        baseline: Where the study starts from.
        ledger: The record of earlier nights, where there is one.
        environ: The user's environment.
    """

    def __init__(
        self,
        study: Study,
        ward: Ward,
        *,
        baseline: str,
        ledger: LedgerReader | None,
        environ: Mapping[str, str],
    ) -> None:
        self._study = study
        self._ward = ward
        self._baseline = baseline
        self._ledger = ledger
        self._environ = environ

    @once
    def home(self) -> Path:
        """The researcher's home, which is the night's own where there has been a night."""
        known = self._ledger
        home = (self._ward.work if known is None else work_directory(known.study.id)) / "home"
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return home

    def assignment(self) -> Assignment:
        """What the researcher would be given for its next trial, with an empty brief."""
        directory = self._ward.logs / "researcher"
        directory.mkdir(exist_ok=True)
        brief = directory / "brief.md"
        brief.write_text("", encoding="utf-8")
        incumbent = self._ledger.incumbent() if self._ledger is not None else None
        commit = self._baseline if incumbent is None else incumbent.commit or self._baseline
        workspaces, history = self._ward.workspaces, self._history()
        clone, outbox = workspaces.clone(commit), workspaces.outbox()
        return Assignment(
            trial=1 + max((past.number for past in history), default=0),
            brief="",
            brief_path=brief,
            workspace=clone.root,
            trial_dir=directory,
            outbox=outbox,
            home=self.home,
            objective=self._study.objective,
            editable=self._study.editable,
            incumbent_commit=commit,
            history=lambda: history,
            room=self._ward.rooms.researcher(
                writable=(clone.root, outbox, self.home), readable=(brief,), home=self.home
            ),
        )

    def run(self, argv: Sequence[str], *, needs: Needs = Needs()) -> Told:  # noqa: B008 (frozen)
        """Run a program where the researcher's would be run."""
        assignment = self.assignment()
        output = self._ward.logs / f"{self._ward.prefix('researcher')}output.log"
        command = Command(tuple(argv), cwd=assignment.workspace, env=self._environ)
        limits = Limits(deadline_s=_PATIENCE_S)
        ending = assignment.room.run(command, output=output, limits=limits, needs=needs)
        return told_by(output, ending)

    def run_line(self, line: str, *, needs: Needs = Needs()) -> Told:  # noqa: B008 (frozen)
        """Run a line of shell there."""
        return self.run(("/bin/sh", "-c", line), needs=needs)

    def _history(self) -> tuple[PastTrial, ...]:
        trials = [] if self._ledger is None else self._ledger.trials()
        return tuple(trial.past() for trial in trials if trial.finished_at is not None)
