"""Measuring a candidate: a pristine checkout, the commands, and the record of how it ended."""

from collections.abc import Callable

from overnight.bench import Bench
from overnight.errors import OvernightError, Stopped
from overnight.ledger.records import RunRecord, TrialRecord
from overnight.measure.commands import Logs
from overnight.progress import Phase
from overnight.timesheet import Activity
from overnight.types import Outcome, Purpose, Run, State
from overnight.workspace.candidates import Candidate
from overnight.workspace.pool import Checkout


class Measurements:
    """Runs the study's commands on candidates."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        baseline = self._last_run(0)
        if baseline is not None:
            self._note_baseline(baseline)

    def make(self, trial: TrialRecord, candidate: Candidate, *, state: State) -> Run:
        """Run the command once; meanwhile the next trial's directories are made ready.

        Args:
            state: The state that the trial is in now.

        Raises:
            Stopped: It was ended by request; the trial stays in state measuring.
            OvernightError: Something other than the candidate failed; likewise.
        """
        bench = self._bench
        checkout = bench.workspaces.checkout(candidate)
        device = bench.seat.device.name
        run_id = bench.ledger.begin_run(trial.number, from_state=state, device=device)
        with bench.timesheet.during(Activity.MEASURING):
            run = self._recorded(
                run_id,
                lambda: self._set_up(trial, checkout) or self._execute(trial, checkout, candidate),
            )
        if run.outcome is Outcome.INTERRUPTED:
            raise Stopped(f"Trial {trial.number} will be measured again by the next run.")
        if trial.is_baseline:
            self._note_baseline(run)
        return run

    def on_this_device(self, trial: TrialRecord) -> Run:
        """Run a finished trial's candidate once more, to know its value on the device of now.

        Raises:
            Stopped: It was ended by request; it is made again when it is needed.
            OvernightError: Something other than the candidate failed.
        """
        bench, device = self._bench, self._bench.seat.device.name
        commit, deadline_s = trial.commit or trial.parent_commit, bench.study.measure.deadline_s
        candidate = bench.repository.candidate(parent=trial.parent_commit, commit=commit)
        checkout = bench.workspaces.checkout(candidate)
        logs = Logs(bench.trial_dir(trial.number), f"on-{device}-")
        bench.watcher.phase(
            trial.number, Phase.VALIDATING, deadline_s=deadline_s, log=logs.file("output")
        )
        run_id = bench.ledger.run_again(
            trial.number, checkpoint=None, purpose=Purpose.DEVICE, device=device
        )
        run = self._recorded(
            run_id,
            lambda: (
                bench.measuring.set_up(checkout, logs=logs)
                or bench.measuring.measure(checkout, bench.workspaces, logs=logs)
            ),
        )
        if run.outcome is Outcome.INTERRUPTED:
            raise Stopped(f"Trial {trial.number} will be measured on {device} by the next run.")
        return run

    def _recorded(self, run_id: int, measure: Callable[[], Run]) -> Run:
        """Measure, and record how that ended, whatever happened."""
        try:
            run = measure()
        except OvernightError as error:
            self._bench.ledger.end_run(run_id, Run.cut_off(str(error)))
            raise
        self._bench.ledger.end_run(run_id, run)
        return run

    def finished(self, trial: TrialRecord) -> Run | None:
        """The trial's last run as the ledger has it, if that came to an end of its own."""
        last = self._last_run(trial.number)
        if last is None or last.outcome in (None, Outcome.INTERRUPTED):
            return None
        return Run(
            outcome=last.outcome,
            metrics=last.metrics,
            reason=last.reason,
            exit_code=last.exit_code,
            duration_s=last.duration_s or 0.0,
            output_bytes=last.output_bytes or 0,
            trust=last.trust,
        )

    def _set_up(self, trial: TrialRecord, checkout: Checkout) -> Run | None:
        bench = self._bench
        setup = bench.study.setup
        if setup is None:
            return None
        logs = Logs(bench.trial_dir(trial.number))
        bench.watcher.phase(
            trial.number, Phase.SETTING_UP, deadline_s=setup.deadline_s, log=logs.file("setup")
        )
        return bench.measuring.set_up(checkout, logs=logs)

    def _execute(self, trial: TrialRecord, checkout: Checkout, candidate: Candidate) -> Run:
        bench = self._bench
        logs = Logs(bench.trial_dir(trial.number))
        deadline_s = bench.study.measure.deadline_s
        bench.watcher.phase(
            trial.number, Phase.MEASURING, deadline_s=deadline_s, log=logs.file("output")
        )
        bench.workspaces.prepare(candidate.parent)
        return bench.measuring.measure(checkout, bench.workspaces, logs=logs)

    def _last_run(self, trial: int) -> RunRecord | None:
        runs = self._bench.ledger.runs(trial)
        return runs[-1] if runs else None

    def _note_baseline(self, run: Run | RunRecord) -> None:
        """Remember how the baseline's account of its time stood to ours."""
        if run.outcome is Outcome.MEASURED:
            account = self._bench.measuring.time_account(run.metrics)
            self._bench.measuring.baseline_time = account
