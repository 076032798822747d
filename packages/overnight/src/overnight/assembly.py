"""Putting a night's bench together: lock, ledger, sandbox, directories, researcher."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from overnight import lock
from overnight.bench import Bench
from overnight.config import Study
from overnight.errors import OvernightError, StudyFileError
from overnight.guards.proposals import ProposalGuards
from overnight.interpreters import importable_names, named_environments
from overnight.layout import Layout, leases_directory, work_directory
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
from overnight.sandbox.devices import lease_gpu
from overnight.sandbox.machine import user_home
from overnight.sandbox.opening import open_sandbox
from overnight.sandbox.visible import path_entries
from overnight.second_chances import SecondChances
from overnight.workspace.pool import Workspaces
from overnight.workspace.repository import Repository


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
    layout = Layout(study.root)
    with ExitStack() as stack:
        stack.enter_context(_system_errors_as_sentences())
        layout.create()
        stack.enter_context(lock.hold(layout.lock))
        repository = Repository(study.root, study.name)
        stack.callback(repository.close)
        ledger = open_ledger(study, layout, repository, watcher)
        stack.callback(ledger.close)
        kill_marked(ledger.study.id)
        baseline = ledger.study.baseline_commit
        work = work_directory(ledger.study.id)
        home = work / "home"
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        gpu = stack.enter_context(lease_gpu(study.sandbox.gpu, leases_directory()))
        supervisor = stack.enter_context(Supervisor(stop, marker=ledger.study.id))
        group = stack.enter_context(delegated())
        processes = supervisor if group is None else Capped(supervisor, group)
        sandbox = open_sandbox(study, processes=processes, work=work, gpu=gpu)
        stack.callback(sandbox.close)
        rooms = Rooms(study, sandbox, home=user_home(os.environ))

        def fresh_workspaces(name: str) -> Workspaces:
            return Workspaces(
                repository,
                work / name,
                baseline=baseline,
                editable=study.editable,
                protected=study.protected,
            )

        workspaces = fresh_workspaces("night")
        stack.callback(workspaces.close)
        own = researcher or create_researcher(study.researcher_settings)
        yield Bench(
            study=study,
            repository=repository,
            ledger=ledger,
            results=ResultsFile(layout.results, ledger),
            workspaces=workspaces,
            fresh_workspaces=fresh_workspaces,
            researcher=SecondChances(own, ledger, repository),
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
            measuring=Measuring(study, StudyCommands(study, rooms, environ=os.environ, gpu=gpu)),
            watcher=watcher,
            stop=stop,
            prices=_prices(study),
            trials_dir=layout.trials,
            researcher_home=home,
        )


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
