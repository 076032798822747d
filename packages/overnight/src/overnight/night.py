"""A night: repair what was cut off, measure the baseline, then trial after trial until told to end.

Everything that can stop or redirect a night comes together here: the budget, Ctrl-C, orders from
other terminals, trouble, drift, and checkpoints that do not hold.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from overnight.assembly import assembled
from overnight.bench import Bench
from overnight.budget import add_trial, used_up
from overnight.checkpoints.checkpoints import Checkpoints
from overnight.checkpoints.schedule import Since, is_due, is_due_at_end
from overnight.config import Study
from overnight.controls import Controls
from overnight.drift.responses import Action, Response
from overnight.drift_watch import DriftWatch
from overnight.errors import (
    BranchMoved,
    DeviceMissing,
    NothingLeft,
    ResearcherError,
    SandboxFailed,
    ScorerFailed,
    Stopped,
)
from overnight.layout import Layout
from overnight.ledger.records import Attempt, CheckpointRecord, Spent, TrialRecord
from overnight.loop import Loop
from overnight.news import Newsroom
from overnight.pause import Pause
from overnight.processes.supervisor import StopSignal
from overnight.progress import Phase, Watcher
from overnight.researchers.base import Researcher
from overnight.steering import Inbox, inbox_of
from overnight.stopping import StopRequest
from overnight.timesheet import Activity
from overnight.trouble import Trouble, Troubles
from overnight.types import CheckpointKind, EventKind, Validation, Verdict

_TELL_EVERY_S = 5.0
_OF_THE_MACHINE = (DeviceMissing, SandboxFailed, ScorerFailed)


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
    stop = StopSignal()
    request = StopRequest(stop, watcher)
    with request.on_signals(), assembled(study, request, stop, researcher=researcher) as bench:
        return Night(bench, request).run()


class Night:
    """One session of a night: from catching up to the reason to end.

    `run` does it all. A comparison takes the steps of several nights itself: `catch_up`, then
    `is_over`, `settle` and `step`, at the end `close`; from `rest` to `wake` time is not theirs.

    Args:
        steerable: Whether people may say what the next brief tells.
        inbox: Where orders from other terminals are; left out: the study's own.
    """

    def __init__(
        self,
        bench: Bench,
        request: StopRequest,
        *,
        steerable: bool = True,
        inbox: Inbox | None = None,
    ) -> None:
        self._bench = bench
        self._study = bench.study
        self._request = request
        self._worked_s = 0.0
        self._woke_s: float | None = time.monotonic()
        night, self._session = bench.ledger.begin_session()
        self._night = night
        self._earlier = self._spent = bench.ledger.spent(night)
        self._loop = Loop(bench, night=night)
        self._checkpoints = Checkpoints(bench, night=night)
        self._drift = DriftWatch(bench, night=night, can_roll_back=self._checkpoints.can_roll_back)
        self._drift.learn_noise(self._checkpoints.spread().objective)
        self._inbox = inbox or Inbox(inbox_of(Layout(self._study.root)))
        self._controls = Controls(bench, request, self._inbox, night=night, steerable=steerable)
        self._news = Newsroom(self._study, bench.ledger, bench.watcher)
        self._pause = Pause(bench, request, self._controls, self._news, night=night)
        self._troubles = Troubles(self._study.watch, bench.trials_dir.parent)
        self._latest = self._latest_number()
        self._validated_at_s = 0.0
        self._proposed = False
        self._told_s = 0.0
        self._reason: str | None = None
        self._finished = False
        self._is_closed = False

    def run(self) -> NightEnd:
        """Trial after trial until there is a reason to end."""
        try:
            self.catch_up()
            while not self.is_over():
                self.step()
            self.finish()
        except Stopped as stopped:
            self._reason = str(stopped)
        finally:
            self.close()
        return self.end()

    def finish(self) -> None:
        """Validate what was found, where the study asks for that at the end of a night."""
        if self._finished and is_due_at_end(self._study.checkpoint, self._since_checkpoint()):
            self._validate(CheckpointKind.FINAL)

    def close(self) -> None:
        """Record how far it came, whatever has happened; once."""
        if self._is_closed:
            return
        self._is_closed = True
        active_s = self._active_s()
        self._take_time(active_s)
        self._bench.ledger.end_session(
            self._session,
            active_s=active_s,
            end_night=self._reason if self._finished else None,
        )
        self._news.close(self._reason, finished=self._finished, spent=self._spent)
        self._inbox.leave()

    def end(self) -> NightEnd:
        """How it has ended."""
        incumbent = self._bench.ledger.incumbent()
        return NightEnd(self._reason or "", self._finished, self._spent, incumbent)

    @property
    def spent(self) -> Spent:
        """What it has used of its budget."""
        return self._spent

    def settle(self) -> None:
        """Be ready to judge on the device that the bench has now; see `Loop.settle`."""
        self._loop.settle()

    def wake(self) -> None:
        """The time from now on is its own."""
        self._woke_s = time.monotonic()
        self._bench.timesheet.enter(Activity.GUARDS)

    def rest(self) -> None:
        """The time from now on is not its own."""
        self._worked_s = self._worked_s + self._awake_s()
        self._woke_s = None
        self._bench.timesheet.enter(Activity.IDLE)

    def is_over(self) -> bool:
        """Whether there is a reason to end; looks for orders first."""
        active_s = self._active_s()
        if active_s - self._told_s > _TELL_EVERY_S:
            self._bench.ledger.touch_session(self._session, active_s=active_s)
            self._told_s = active_s
        self._take_time(active_s)
        self._request.budget(self._spent)
        self._obey()
        if self._reason is None and self._request.asked:
            self._reason = "Stopped on request."
        elif self._reason is None:
            self._reason = used_up(self._study.budget, self._spent)
            self._finished = self._reason is not None
        return self._reason is not None

    def _take_time(self, active_s: float) -> None:
        self._spent = replace(self._spent, active_s=self._earlier.active_s + active_s)

    def _obey(self) -> None:
        """Follow what other terminals have asked for since the last step."""
        self._controls.obey(trial=self._next_number())
        if self._controls.forgot:
            self._forget()
        if self._controls.wants_pause and not self._request.asked:
            self._pause.until_told("Paused on request.")

    def step(self) -> None:
        """One trial, and a look back at what it means for the night."""
        trouble = self._troubles.before_trial()
        if trouble is not None:
            self._suffer(trouble)
            return
        guidance = self._controls.guidance(latest_proposed=self._bench.ledger.latest_proposed())
        reminder = self._drift.reminder(trial=self._next_number())
        self._loop.guide(replace(guidance, drift=reminder))
        try:
            trial = self._loop.trial()
        except NothingLeft as error:
            self._reason, self._finished = str(error), True
            return
        except ResearcherError as error:
            self._count(self._bench.ledger.latest(1)[0], self._loop.attempts)
            self._tolerate(error)
            return
        except _OF_THE_MACHINE as error:
            self._suffer(Troubles.of_machine(error))
            self._finish_trials()
            return
        self._proposed = True
        self._count(trial, self._loop.attempts)
        self._look_back(trial)

    def _look_back(self, trial: TrialRecord) -> None:
        if trial.verdict is Verdict.KEEP:
            self._news.new_best(trial)
        trouble = self._troubles.after_trial(trial)
        if trouble is not None:
            self._suffer(trouble)
        response = self._drift.look(trial, self._loop.attempts)
        if response is not None:
            self._respond(response)
        table = self._study.checkpoint
        if table.is_periodic and is_due(table, self._since_checkpoint()):
            self._validate(CheckpointKind.PERIODIC)

    def _respond(self, response: Response) -> None:
        """Do about drift what the study's order of responses says comes next."""
        ledger, trial = self._bench.ledger, self._next_number()
        because = f"because of drift: {response.reasons[0]}"
        ledger.record_event(
            EventKind.DRIFT,
            f"{response.action} {because}",
            night=self._night,
            trial=response.trial,
            details={"reasons": list(response.reasons)},
        )
        self._news.drift(response)
        match response.action:
            case Action.CLEAN_CONTEXT:
                ledger.record_event(EventKind.FORGOTTEN, night=self._night, trial=trial)
                self._forget()
            case Action.ROLL_BACK:
                self._checkpoints.roll_back(f"Rolled back {because}")
                self._loop.refresh()
                self._drift.refresh()
                self._tell_incumbent()
            case Action.PAUSE:
                self._pause.because(f"Paused {because}")

    def _forget(self) -> None:
        """Drop notes and history, so that the next proposal starts from a clean context."""
        self._controls.forgot = False
        self._bench.forget_notes()
        self._loop.refresh()
        self._bench.watcher.say("Notes and history are dropped from the next briefs.")

    def _validate(self, kind: CheckpointKind) -> None:
        """Measure baseline and incumbent again, and go on from what holds."""
        try:
            with self._bench.timesheet.during(Activity.REVIEW):
                checkpoint = self._checkpoints.make(kind)
        except _OF_THE_MACHINE as error:
            self._bench.ledger.abandon_checkpoints(reason=str(error))
            self._suffer(Troubles.of_machine(error))
            return
        self._validated_at_s = self._active_s()
        self._drift.learn_noise(self._checkpoints.spread().objective)
        self._loop.refresh()
        self._drift.refresh()
        self._tell(checkpoint)

    def _tell(self, checkpoint: CheckpointRecord) -> None:
        self._bench.watcher.say(
            f"Checkpoint {checkpoint.id}: {checkpoint.outcome}. {checkpoint.reason}"
        )
        self._news.checkpoint(checkpoint)
        if checkpoint.outcome is Validation.REFUTED:
            self._tell_incumbent()

    def _tell_incumbent(self) -> None:
        incumbent = self._bench.ledger.incumbent()
        if incumbent is not None:
            self._bench.watcher.incumbent(incumbent)

    def _tolerate(self, error: ResearcherError) -> None:
        trouble = self._troubles.after_failure(error)
        if trouble is None:
            self._bench.watcher.say(str(error))
        elif self._proposed:
            self._suffer(trouble)
        else:
            raise error  # it never worked: a person is likely still there to see it

    def _suffer(self, trouble: Trouble) -> None:
        """Stop spending: wait for a person, or end the session where the study says so."""
        self._bench.ledger.record_event(
            EventKind.TROUBLE, trouble.reason, night=self._night, trial=self._next_number()
        )
        self._news.failing(trouble)
        if not self._study.watch.pause:
            raise trouble.error
        self._pause.because(trouble.reason)

    def _since_checkpoint(self) -> Since:
        active_s = self._active_s() - self._validated_at_s
        return self._checkpoints.since_last(active_s=active_s)

    def _active_s(self) -> float:
        return self._worked_s + self._awake_s() - self._pause.total_s

    def _awake_s(self) -> float:
        return 0.0 if self._woke_s is None else time.monotonic() - self._woke_s

    def _latest_number(self) -> int:
        latest = self._bench.ledger.latest(1)
        return latest[0].number if latest else -1

    def _next_number(self) -> int:
        return self._latest + 1

    def catch_up(self) -> None:
        """Bring what an earlier session left half-way to an end, and see to the baseline."""
        bench = self._bench
        bench.ledger.abandon_checkpoints(reason="Cut off.")
        self._checkpoints.finish_demotions()
        self._finish_trials()
        if bench.ledger.incumbent() is None:
            self._request.phase(0, Phase.PREPARING)
            self._latest = self._loop.baseline().number
        bench.results.update()
        incumbent = bench.ledger.incumbent()
        head = bench.repository.branch_head()
        if head is None and incumbent is not None and incumbent.is_baseline:
            head = incumbent.commit or incumbent.parent_commit
            bench.repository.move_branch(old=None, new=head)
        if incumbent is not None and head != incumbent.commit:
            raise BranchMoved(
                f"{self._study.branch} is at {head}, not at the incumbent {incumbent.commit}.",
                fix=f"Run `git branch -f {self._study.branch} {incumbent.commit}`.",
            )

    def _finish_trials(self) -> None:
        """Take trials that were cut off to their verdicts; their proposals are paid for."""
        for trial in self._bench.ledger.unfinished():
            self._bench.watcher.say(f"Going on with trial {trial.number}, which was cut off.")
            self._count(self._loop.go_on(trial), ())  # its calls are in the ledger already

    def _count(self, trial: TrialRecord, attempts: Sequence[Attempt]) -> None:
        self._latest = trial.number
        runs = self._bench.ledger.runs(trial.number)
        device_s = sum(run.duration_s or 0.0 for run in runs)
        self._spent = add_trial(self._spent, trial, attempts, device_s=device_s)
