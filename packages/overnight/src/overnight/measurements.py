"""Measuring a candidate: a pristine checkout, the command, and the record of how it ended."""

from overnight.bench import Bench
from overnight.errors import Stopped
from overnight.ledger.records import TrialRecord
from overnight.measure.command import MeasuredCommand
from overnight.progress import Phase
from overnight.types import Outcome, Run, State
from overnight.workspace.candidates import Candidate
from overnight.workspace.pool import Checkout


class Measurements:
    """Runs the study's measured command on candidates."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        study = bench.study
        self._command = MeasuredCommand(
            study.objective, study.measure, study.setup, repository=study.root
        )

    def make(self, trial: TrialRecord, candidate: Candidate, *, state: State) -> Run:
        """Run the command once; meanwhile the next trial's directories are made ready.

        Args:
            state: The state that the trial is in now.

        Raises:
            Stopped: It was ended by request; the trial stays in state measuring.
        """
        ledger = self._bench.ledger
        checkout = self._bench.workspaces.checkout(candidate)
        run_id = ledger.begin_run(trial.number, from_state=state)
        run = self._set_up(trial, checkout) or self._execute(trial, checkout, candidate)
        ledger.end_run(run_id, run)
        if run.outcome is Outcome.INTERRUPTED:
            raise Stopped(f"Trial {trial.number} will be measured again by the next run.")
        return run

    def finished(self, trial: TrialRecord) -> Run | None:
        """The trial's last run as the ledger has it, if that came to an end of its own."""
        runs = self._bench.ledger.runs(trial.number)
        last = runs[-1] if runs else None
        if last is None or last.outcome in (None, Outcome.INTERRUPTED):
            return None
        return Run(
            outcome=last.outcome,
            metrics=last.metrics,
            reason=last.reason,
            exit_code=last.exit_code,
            duration_s=last.duration_s or 0.0,
            output_bytes=last.output_bytes or 0,
        )

    def _set_up(self, trial: TrialRecord, checkout: Checkout) -> Run | None:
        setup = self._command.setup
        if setup is None:
            return None
        bench = self._bench
        log = bench.trial_dir(trial.number) / "setup.log"
        bench.watcher.phase(trial.number, Phase.SETTING_UP, deadline_s=setup.deadline_s, log=log)
        return self._command.set_up(checkout, log=log, processes=bench.processes)

    def _execute(self, trial: TrialRecord, checkout: Checkout, candidate: Candidate) -> Run:
        bench = self._bench
        log = bench.trial_dir(trial.number) / "output.log"
        deadline_s = self._command.deadline_s
        bench.watcher.phase(trial.number, Phase.MEASURING, deadline_s=deadline_s, log=log)
        bench.workspaces.prepare(candidate.parent)
        return self._command.run(checkout, log=log, processes=bench.processes)
