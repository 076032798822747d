"""Putting a night's bench together: lock, ledger, sandbox, directories, researcher."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from overnight import lock
from overnight.bench import Bench
from overnight.config import Study
from overnight.errors import OvernightError, StudyFileError
from overnight.guards.proposals import ProposalGuards
from overnight.interpreters import importable_names, named_environments
from overnight.layout import Layout, leases_directory, work_directory
from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import ArmRecord
from overnight.ledger.store import Ledger
from overnight.ledger.tsv import ResultsFile
from overnight.measure.commands import StudyCommands
from overnight.measure.measuring import Measuring
from overnight.measure.rooms import Rooms
from overnight.opening import open_ledger
from overnight.prices import Prices
from overnight.processes.leftovers import kill_marked
from overnight.processes.supervisor import StopSignal, Supervisor
from overnight.progress import Watcher
from overnight.researchers.base import Researcher
from overnight.researchers.registry import create as create_researcher
from overnight.sandbox.cgroups import Capped, delegated
from overnight.sandbox.devices import Device, lease_gpu
from overnight.sandbox.leasing import lease_devices
from overnight.sandbox.machine import user_home
from overnight.sandbox.opening import open_sandbox
from overnight.sandbox.visible import path_entries
from overnight.seats import Seat
from overnight.second_chances import SecondChances
from overnight.timesheet import Timesheet
from overnight.workspace.pool import Workspaces
from overnight.workspace.repository import Repository


@dataclass(frozen=True, slots=True)
class Equipment:
    """What the benches of one session share: one lock, one ledger, one directory to work in.

    Attributes:
        ledger: Of the study's own chain.
        results: The live table of every trial.
        group: The control group below which commands are capped; None where there is none.
        work: Where clones and checkouts are made.
    """

    study: Study
    layout: Layout
    ledger: Ledger
    results: ResultsFile
    group: Path | None
    work: Path
    stack: ExitStack

    def seat(
        self,
        stop: StopSignal,
        watcher: Watcher,
        *,
        device: Device,
        work: Path | None = None,
        count: int = 1,
    ) -> Seat:
        """A sandbox for one line of work.

        Args:
            stop: Ends what runs there.
            watcher: Is told of it.
            device: What its commands have for themselves at first.
            work: Where the sandbox's own directory is; left out: that of the session.
            count: How many seats there are at the same time.
        """
        supervisor = self.stack.enter_context(Supervisor(stop, marker=self.ledger.study.id))
        sandbox = open_sandbox(
            self.study,
            processes=supervisor if self.group is None else Capped(supervisor, self.group),
            work=self.work,
            scratch=(work or self.work) / "sandbox",
            device=device,
        )
        self.stack.callback(sandbox.close)
        return Seat(sandbox, supervisor, device, stop=stop, watcher=watcher, count=count)

    def leased_device(self) -> Device:
        """The one that the study file names, held for as long as the session lasts."""
        leased = lease_gpu(self.study.sandbox.gpu, leases_directory())
        return Device(self.stack.enter_context(leased))

    def leased_devices(self, named: Sequence[str], *, most: int) -> list[Device]:
        """Several, for arms that run at the same time; likewise."""
        wanted = self.study.sandbox.gpu
        leased = lease_devices(named, most=most, gpu=wanted, leases=leases_directory())
        return self.stack.enter_context(leased)

    def bench(self, seat: Seat, *, researcher: Researcher | None = None) -> Bench:
        """The study's own bench.

        Args:
            researcher: Used in place of the one that the study names.
        """
        return self._bench(
            self.study,
            self.ledger,
            Repository(self.study.root, self.study.name),
            work=self.work,
            researcher=researcher or create_researcher(self.study.researcher_settings),
            seat=seat,
        )

    def work_of_arm(self, arm: ArmRecord) -> Path:
        """Where an arm's clones and checkouts are made."""
        return self.work / f"arm-{arm.id}"

    def bench_of_arm(self, study: Study, arm: ArmRecord, seat: Seat) -> Bench:
        """The bench of an arm of a comparison, with a branch and an incumbent of its own.

        Args:
            study: The same study with the arm's researcher and budget.
        """
        ledger = Ledger(self.layout.ledger, arm=arm.id)
        self.stack.callback(ledger.close)
        return self._bench(
            study,
            ledger,
            Repository(study.root, study.name, branch=arm.branch),
            work=self.work_of_arm(arm),
            researcher=create_researcher(study.researcher_settings),
            seat=seat,
        )

    def _bench(
        self,
        study: Study,
        ledger: Ledger,
        repository: Repository,
        *,
        work: Path,
        researcher: Researcher,
        seat: Seat,
    ) -> Bench:
        self.stack.callback(repository.close)
        baseline = ledger.study.baseline_commit
        home = work / "home"
        home.mkdir(parents=True, exist_ok=True, mode=0o700)

        def fresh_workspaces(name: str) -> Workspaces:
            return Workspaces(
                repository,
                work / name,
                baseline=baseline,
                editable=study.editable,
                protected=study.protected,
            )

        workspaces = fresh_workspaces("night")
        self.stack.callback(workspaces.close)
        rooms = Rooms(study, seat.sandbox, home=user_home(os.environ), shared_by=seat.count)
        commands = StudyCommands(study, rooms, environ=os.environ, gpu=lambda: seat.device.gpu)
        return Bench(
            study=study,
            repository=repository,
            ledger=ledger,
            results=self.results,
            workspaces=workspaces,
            fresh_workspaces=fresh_workspaces,
            researcher=SecondChances(researcher, ledger, repository),
            rooms=rooms,
            guards=ProposalGuards(
                study,
                repository,
                baseline=baseline,
                importable=lambda: importable_names(
                    path_entries(os.environ),
                    environments=[
                        study.root / ".venv",
                        *named_environments(study.commands, root=study.root),
                    ],
                ),
            ),
            measuring=Measuring(study, commands),
            seat=seat,
            watcher=seat.watcher,
            stop=seat.stop,
            prices=_prices(study),
            timesheet=Timesheet(),
            trials_dir=self.layout.trials,
            researcher_home=home,
        )


@contextmanager
def assembled(
    study: Study, watcher: Watcher, stop: StopSignal, *, researcher: Researcher | None = None
) -> Iterator[Bench]:
    """Everything that one session works with, given back when the block ends.

    Args:
        researcher: Used in place of the one that the study names.

    Raises:
        OvernightError: Something is missing, busy or broken; says what to do.
    """
    with equipped(study, watcher) as equipment:
        seat = equipment.seat(stop, watcher, device=equipment.leased_device())
        yield equipment.bench(seat, researcher=researcher)


@contextmanager
def equipped(study: Study, watcher: Watcher) -> Iterator[Equipment]:
    """What the benches of one session share, given back when the block ends.

    Raises:
        OvernightError: Something is missing, busy or broken; says what to do.
    """
    layout = Layout(study.root)
    with ExitStack() as stack:
        stack.enter_context(_system_errors_as_sentences())
        layout.create()
        stack.enter_context(lock.hold(layout.lock))
        ledger = stack.enter_context(closing(_opened_ledger(study, layout, watcher)))
        everything = stack.enter_context(closing(LedgerReader(layout.ledger)))
        kill_marked(ledger.study.id)
        work = work_directory(ledger.study.id)
        work.mkdir(parents=True, exist_ok=True)
        yield Equipment(
            study=study,
            layout=layout,
            ledger=ledger,
            results=ResultsFile(layout.results, everything),
            group=stack.enter_context(delegated()),
            work=work,
            stack=stack,
        )


def _opened_ledger(study: Study, layout: Layout, watcher: Watcher) -> Ledger:
    with closing(Repository(study.root, study.name)) as repository:
        return open_ledger(study, layout, repository, watcher)


@contextmanager
def _system_errors_as_sentences() -> Iterator[None]:
    """A full disk, a directory that is not ours to write: the user's to mend, so no traceback."""
    try:
        yield
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise OvernightError(
            f"The night cannot go on: {where}{error.strerror or error}.",
            fix="Mend that and run `overnight run` again; nothing is lost.",
        ) from error


def _prices(study: Study) -> Prices:
    prices = Prices(study.researcher.model, study.researcher.price)
    if study.budget.money_usd is not None and not prices.known():
        raise StudyFileError(
            f"budget.money_usd is set, but no price is known for model {study.researcher.model!r}.",
            fix="Add [researcher.price] with input and output in dollars per million tokens.",
        )
    return prices
