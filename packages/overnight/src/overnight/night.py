"""A night: repair what was cut off, measure the baseline, then trial after trial until told to end.

Everything that can stop a night comes together here: the budget, Ctrl-C, a researcher that cannot
work, a baseline that cannot be measured.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from overnight import lock
from overnight.bench import Bench
from overnight.budget import add_trial, used_up
from overnight.config import Study
from overnight.durations import format_duration
from overnight.errors import (
    AgentMisconfigured,
    AgentMissing,
    AuthenticationFailed,
    BranchMoved,
    LedgerError,
    NothingLeft,
    QuotaExhausted,
    RequestRejected,
    ResearcherError,
    Stopped,
    StudyFileError,
)
from overnight.layout import Layout, work_directory
from overnight.ledger.records import Spent, TrialRecord
from overnight.ledger.store import Ledger, create_ledger
from overnight.ledger.tsv import ResultsFile
from overnight.loop import Loop
from overnight.prices import Prices
from overnight.processes.leftovers import kill_marked
from overnight.processes.supervisor import StopSignal, Supervisor
from overnight.progress import Phase, Watcher
from overnight.researchers.base import Researcher
from overnight.researchers.registry import create as create_researcher
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


class StopRequest:
    """Turns signals into an orderly end: the first asks, the second insists.

    Args:
        stop: Ends whatever program is running when set.
    """

    def __init__(self, stop: StopSignal, watcher: Watcher) -> None:
        self.asked = False
        self._stop = stop
        self._watcher = watcher
        self._trial = 0
        self._phase = Phase.PREPARING
        self._phase_ends_s = 0.0

    def phase(
        self, trial: int, phase: Phase, *, deadline_s: float | None = None, log: Path | None = None
    ) -> None:
        """Note what could be interrupted, and show it."""
        self._trial, self._phase = trial, phase
        self._phase_ends_s = time.monotonic() + (deadline_s or 0.0)
        self._watcher.phase(trial, phase, deadline_s=deadline_s, log=log)

    def verdict(self, trial: TrialRecord) -> None:
        """Show a verdict."""
        self._phase = Phase.PREPARING
        self._watcher.verdict(trial)

    def budget(self, spent: Spent) -> None:
        """Show what is spent."""
        self._watcher.budget(spent)

    def say(self, message: str) -> None:
        """Show a message."""
        self._watcher.say(message)

    def ask(self, signal_number: int = signal.SIGINT, _frame: FrameType | None = None) -> None:
        """End after the trial at hand; at once when asked again, or told to terminate."""
        again = self.asked or signal_number != signal.SIGINT
        self.asked = True
        if again:
            self.say(f"Stopping now; trial {self._trial} is left consistent.")
            self._stop.set()
        elif self._phase in (Phase.PROPOSING, Phase.WAITING):
            self.say(f"Abandoning trial {self._trial}, which has no proposal yet.")
            self._stop.set()
        elif self._phase in (Phase.SETTING_UP, Phase.MEASURING):
            left = format_duration(max(0.0, self._phase_ends_s - time.monotonic()))
            self.say(f"Finishing trial {self._trial}, at most {left}; Ctrl-C again stops it now.")

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Listen to SIGINT, SIGTERM and SIGHUP while the block lasts."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self.ask) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


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
        layout.create()
        stack.enter_context(lock.hold(layout.lock))
        stack.enter_context(request.on_signals())
        repository = Repository(study.root, study.name)
        ledger = _open_ledger(study, layout, repository, request)
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


def _open_ledger(study: Study, layout: Layout, repository: Repository, watcher: Watcher) -> Ledger:
    if not layout.ledger.exists():
        _create_ledger(study, layout, repository)
    ledger = Ledger(layout.ledger)
    _check_same_study(study, ledger)
    baseline = ledger.study.baseline_commit
    if ledger.incumbent() is None and repository.head() != baseline:
        baseline = repository.head()
        ledger.replace_baseline(baseline)
        watcher.say(f"The baseline is now {baseline[:7]}.")
    dirty = repository.uncommitted()
    if dirty:
        watcher.say(
            f"Working from commit {baseline[:7]}; uncommitted changes to {dirty[0]}"
            f"{f' and {len(dirty) - 1} more files' if dirty[1:] else ''} are not part of it."
        )
    submodules = repository.submodules(baseline)
    if submodules:
        watcher.say(f"Submodules are not checked out: {', '.join(submodules)}.")
    return ledger


def _create_ledger(study: Study, layout: Layout, repository: Repository) -> None:
    baseline = repository.head()
    if repository.branch_head() is not None:
        raise BranchMoved(
            f"Branch {study.branch} exists already, but {layout.ledger} does not.",
            fix=f"Give the study another name, or run `git branch -D {study.branch}`.",
        )
    create_ledger(
        layout.ledger, name=study.name, objective=study.objective, baseline_commit=baseline
    )


def _check_same_study(study: Study, ledger: Ledger) -> None:
    made_for = (ledger.study.name, ledger.study.metric, ledger.study.goal)
    asked_for = (study.name, study.objective.metric, study.objective.goal)
    if made_for != asked_for:
        raise LedgerError(
            f"{ledger.path} holds the study {' '.join(made_for)}, not {' '.join(asked_for)}.",
            fix=f"Change {study.path.name} back, or move {ledger.path.parent} away.",
        )


def _prices(study: Study) -> Prices:
    prices = Prices(study.researcher.model, study.researcher.price)
    if study.budget.money_usd is not None and not prices.known():
        raise StudyFileError(
            f"budget.money_usd is set, but no price is known for model {study.researcher.model!r}.",
            fix="Add [researcher.price] with input and output in dollars per million tokens.",
        )
    return prices


class _Night:
    def __init__(self, bench: Bench, request: StopRequest) -> None:
        self._bench = bench
        self._request = request
        self._failures = 0

    def run(self) -> NightEnd:
        ledger = self._bench.ledger
        night, session = ledger.begin_session()
        earlier = ledger.spent(night)
        started = time.monotonic()
        spent = earlier
        reason, finished = "Cut off by an error.", False
        loop = Loop(self._bench, night=night)
        try:
            self._catch_up(loop)
            while True:
                active_s = time.monotonic() - started
                ledger.touch_session(session, active_s=active_s)
                spent = replace(spent, active_s=earlier.active_s + active_s)
                self._request.budget(spent)
                if self._request.asked:
                    reason = "Stopped on request."
                    break
                used = used_up(self._bench.study.budget, spent)
                if used is not None:
                    reason, finished = used, True
                    break
                try:
                    trial = loop.trial()
                except NothingLeft as error:
                    reason, finished = str(error), True
                    break
                except ResearcherError as error:
                    self._tolerate(error)
                    trial = ledger.latest(1)[0]
                else:
                    self._failures = 0
                spent = add_trial(spent, trial, ledger.attempts(trial.number))
        except Stopped as stopped:
            reason = str(stopped)
        finally:
            ledger.end_session(
                session,
                active_s=time.monotonic() - started,
                end_night=reason if finished else None,
            )
        return NightEnd(reason, finished, spent, ledger.incumbent())

    def _catch_up(self, loop: Loop) -> None:
        """Bring what an earlier session left half-way to an end, and see to the baseline."""
        bench = self._bench
        for trial in bench.ledger.unfinished():
            bench.watcher.say(f"Going on with trial {trial.number}, which was cut off.")
            loop.go_on(trial)
        if bench.ledger.incumbent() is None:
            self._request.phase(0, Phase.PREPARING)
            loop.baseline()
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
