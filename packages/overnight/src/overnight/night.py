"""A night: repair what was cut off, measure the baseline, then trial after trial until told to end.

Everything that can stop a night comes together here: the budget, Ctrl-C, a researcher that cannot
work, a baseline that cannot be measured.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from overnight import lock
from overnight.bench import Bench
from overnight.budget import add_trial, used_up
from overnight.config import Study
from overnight.errors import (
    AgentMisconfigured,
    AgentMissing,
    AuthenticationFailed,
    BranchMoved,
    NothingLeft,
    OvernightError,
    QuotaExhausted,
    RequestRejected,
    ResearcherError,
    Stopped,
    StudyFileError,
)
from overnight.layout import Layout, work_directory
from overnight.ledger.records import Spent, TrialRecord
from overnight.ledger.tsv import ResultsFile
from overnight.loop import Loop
from overnight.opening import open_ledger
from overnight.prices import Prices
from overnight.processes.leftovers import kill_marked
from overnight.processes.supervisor import StopSignal, Supervisor
from overnight.progress import Phase, Watcher
from overnight.researchers.base import Researcher
from overnight.researchers.registry import create as create_researcher
from overnight.stopping import StopRequest
from overnight.workspace.pool import Workspaces
from overnight.workspace.repository import Repository

_HOPELESS = (
    AgentMissing,
    AgentMisconfigured,
    AuthenticationFailed,
    QuotaExhausted,
    RequestRejected,
)
_MOST_FAILURES_IN_A_ROW = 5
_TELL_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class NightEnd:
    """How a night ended.

    Attributes:
        finished: Whether its work is done; otherwise the next `overnight run` goes on with it.
    """

    reason: str
    finished: bool
    spent: Spent
    incumbent: TrialRecord | None


def run_night(study: Study, watcher: Watcher, *, researcher: Researcher | None = None) -> NightEnd:
    """Run a study until its budget is used up, a stop is asked for or nothing more can be done.

    Must be called in the main thread, for the signals.

    Args:
        researcher: Used in place of the one that the study names.

    Raises:
        OvernightError: The night could not begin, or something broke that a person must mend;
            the ledger, the branch and the working tree are consistent all the same.
    """
    layout = Layout(study.root)
    stop = StopSignal()
    request = StopRequest(stop, watcher)
    with ExitStack() as stack:
        stack.enter_context(_system_errors_as_sentences())
        layout.create()
        stack.enter_context(lock.hold(layout.lock))
        stack.enter_context(request.on_signals())
        repository = Repository(study.root, study.name)
        stack.callback(repository.close)
        ledger = open_ledger(study, layout, repository, request)
        stack.callback(ledger.close)
        kill_marked(ledger.study.id)
        work = work_directory(ledger.study.id)
        workspaces = Workspaces(
            repository,
            work / "night",
            baseline=ledger.study.baseline_commit,
            editable=study.editable,
            protected=study.protected,
        )
        stack.callback(workspaces.close)
        home = work / "home"
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        bench = Bench(
            study=study,
            repository=repository,
            ledger=ledger,
            results=ResultsFile(layout.results, ledger),
            workspaces=workspaces,
            researcher=researcher or create_researcher(study.researcher_settings),
            processes=stack.enter_context(Supervisor(stop, marker=ledger.study.id)),
            watcher=request,
            stop=stop,
            prices=_prices(study),
            trials_dir=layout.trials,
            researcher_home=home,
        )
        return _Night(bench, request).run()


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


class _Night:
    """One session of a night: from catching up to the reason to end."""

    def __init__(self, bench: Bench, request: StopRequest) -> None:
        self._bench = bench
        self._request = request
        self._started_s = time.monotonic()
        night, self._session = bench.ledger.begin_session()
        self._earlier = self._spent = bench.ledger.spent(night)
        self._loop = Loop(bench, night=night)
        self._told_s = 0.0
        self._failures = 0
        self._reason: str | None = None
        self._finished = False

    def run(self) -> NightEnd:
        """Trial after trial until there is a reason to end."""
        ledger = self._bench.ledger
        try:
            self._catch_up()
            while not self._is_over():
                self._one_trial()
        except Stopped as stopped:
            self._reason = str(stopped)
        finally:
            ledger.end_session(
                self._session,
                active_s=self._active_s(),
                end_night=self._reason if self._finished else None,
            )
        return NightEnd(self._reason or "", self._finished, self._spent, ledger.incumbent())

    def _is_over(self) -> bool:
        active_s = self._active_s()
        if active_s - self._told_s > _TELL_EVERY_S:
            self._bench.ledger.touch_session(self._session, active_s=active_s)
            self._told_s = active_s
        self._spent = replace(self._spent, active_s=self._earlier.active_s + active_s)
        self._request.budget(self._spent)
        if self._reason is None and self._request.asked:
            self._reason = "Stopped on request."
        elif self._reason is None:
            self._reason = used_up(self._bench.study.budget, self._spent)
            self._finished = self._reason is not None
        return self._reason is not None

    def _one_trial(self) -> None:
        try:
            trial = self._loop.trial()
        except NothingLeft as error:
            self._reason, self._finished = str(error), True
            return
        except ResearcherError as error:
            self._tolerate(error)
            trial = self._bench.ledger.latest(1)[0]
        else:
            self._failures = 0
        self._spent = add_trial(self._spent, trial, self._loop.attempts)

    def _active_s(self) -> float:
        return time.monotonic() - self._started_s

    def _catch_up(self) -> None:
        """Bring what an earlier session left half-way to an end, and see to the baseline."""
        bench = self._bench
        for trial in bench.ledger.unfinished():
            bench.watcher.say(f"Going on with trial {trial.number}, which was cut off.")
            done = self._loop.go_on(trial)
            self._spent = add_trial(self._spent, done, ())  # its calls are in the ledger already
        if bench.ledger.incumbent() is None:
            self._request.phase(0, Phase.PREPARING)
            self._loop.baseline()
        bench.results.update()
        incumbent = bench.ledger.incumbent()
        head = bench.repository.branch_head()
        if incumbent is not None and head != incumbent.commit:
            raise BranchMoved(
                f"{bench.study.branch} is at {head}, not at the incumbent {incumbent.commit}.",
                fix=f"Run `git branch -f {bench.study.branch} {incumbent.commit}`.",
            )

    def _tolerate(self, error: ResearcherError) -> None:
        self._failures += 1
        if isinstance(error, _HOPELESS) or self._failures >= _MOST_FAILURES_IN_A_ROW:
            raise error
        self._bench.watcher.say(str(error))
