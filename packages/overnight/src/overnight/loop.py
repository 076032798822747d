"""One trial, top to bottom: brief, propose, guards, candidate, measure, judge, record."""

from concurrent.futures import Future

from overnight.bench import Bench
from overnight.brief import BEST, DEAD_ENDS, LATEST, BriefFacts, write_brief
from overnight.errors import BaselineFailed, ResearcherError, Stopped
from overnight.gate import Gate, broken_constraints, judge
from overnight.guards.scope import refuse_scope
from overnight.ledger.records import TrialRecord
from overnight.measure.command import MeasuredCommand
from overnight.progress import Phase
from overnight.proposals import Proposals
from overnight.types import DiffStat, Draft, Judgement, Outcome, Run, State, Verdict
from overnight.workspace.repository import Candidate


class Loop:
    """Takes trials to their verdicts, one per call.

    Args:
        night: The night that new trials belong to.
    """

    def __init__(self, bench: Bench, *, night: int) -> None:
        self._bench = bench
        self._ledger = bench.ledger
        self._study = bench.study
        self._night = night
        self._proposals = Proposals(bench)
        self._gate = Gate(bench.study.gate.ties, bench.study.gate.min_delta)
        self._command = MeasuredCommand(
            self._study.objective,
            self._study.measure,
            self._study.setup,
            repository=self._study.root,
        )

    def trial(self) -> TrialRecord:
        """Make one proposal and take it to a verdict.

        Raises:
            ResearcherError: No proposal came; the trial is closed as interrupted.
            Stopped: A stop was asked for; the trial is closed, or can be gone on with.
        """
        incumbent = self._incumbent()
        trial = self._open(incumbent.commit or "")
        draft, proposal = self._propose(trial, self._brief(trial, incumbent))
        if isinstance(proposal, Judgement):
            return self._close(trial, proposal, title=draft.title)
        self._record(trial, draft, proposal)
        size = self._save_patch(trial, proposal)
        refusal = self._guard(proposal)
        if refusal is not None:
            return self._close(trial, refusal, size=size)
        run = self._measure(trial, proposal, state=State.PROPOSING)
        return self._decide(trial, run, size)

    def baseline(self, trial: TrialRecord | None = None) -> TrialRecord:
        """Measure the unmodified start, by the same code as every candidate.

        Args:
            trial: The baseline's trial where one was begun and not finished.

        Raises:
            BaselineFailed: It has no usable measurement; the next call measures it again.
        """
        commit = self._ledger.study.baseline_commit
        candidate = self._bench.repository.candidate(parent=commit, commit=commit)
        if trial is None:
            trial = self._open(commit)
        if trial.commit is None:
            self._record(trial, Draft("baseline", "The unmodified start."), candidate)
        self._ledger.abandon_runs(trial.number, reason="Cut off.")
        run = self._measure(trial, candidate, state=trial.state)
        if run.outcome is not Outcome.MEASURED:
            raise BaselineFailed(f"The baseline could not be measured: {run.reason}")
        broken = broken_constraints(self._study.objective, run)
        if broken:
            raise BaselineFailed(f"The baseline breaks a constraint: {'; '.join(broken)}.")
        value = run.metrics[self._study.objective.metric]
        story = f"{self._study.objective.metric} = {value:.6g}."
        judgement = Judgement(Verdict.KEEP, story)
        self._ledger.intend_keep(trial.number, judgement, value=value, size=DiffStat(0, 0))
        return self._finish_keep(trial)

    def go_on(self, trial: TrialRecord) -> TrialRecord:
        """Take a trial that was cut off to its verdict, from as far as the ledger knows it.

        Its proposal is paid for, so what was being measured is measured again.
        """
        if trial.verdict is Verdict.KEEP:
            return self._finish_keep(trial)
        if trial.is_baseline:
            return self.baseline(trial)
        if trial.commit is None:
            return self._close(trial, Judgement(Verdict.INTERRUPTED, "Cut off while proposing."))
        candidate = self._bench.repository.candidate(
            parent=trial.parent_commit, commit=trial.commit
        )
        size = self._save_patch(trial, candidate)
        refusal = self._guard(candidate)
        if refusal is not None:
            return self._close(trial, refusal, size=size)
        run = self._finished_run(trial)
        if run is None:
            self._ledger.abandon_runs(trial.number, reason="Cut off.")
            run = self._measure(trial, candidate, state=trial.state)
        return self._decide(trial, run, size)

    def _incumbent(self) -> TrialRecord:
        incumbent = self._ledger.incumbent()
        if incumbent is None:
            raise BaselineFailed("The baseline has not been measured.")
        return incumbent

    def _incumbent_value(self) -> float:
        value = self._incumbent().value
        if value is None:
            raise BaselineFailed("The incumbent has no measurement.")
        return value

    def _open(self, parent_commit: str) -> TrialRecord:
        researcher = self._study.researcher
        return self._ledger.open_trial(
            night=self._night,
            parent_commit=parent_commit,
            researcher=researcher.kind,
            model=researcher.model,
        )

    def _brief(self, trial: TrialRecord, incumbent: TrialRecord) -> str:
        study, ledger = self._study, self._ledger
        latest = ledger.latest(LATEST + DEAD_ENDS)
        told = [past.past() for past in latest[:LATEST]]
        earlier = [past.past() for past in latest[LATEST:] if past.verdict is not Verdict.KEEP]
        kept = [past.past() for past in ledger.latest(BEST, verdicts=[Verdict.KEEP])]
        facts = BriefFacts(
            trial=trial.number,
            program=study.program_text(),
            objective=study.objective,
            editable=study.editable.patterns,
            protected=study.protected.patterns,
            measure_command=study.measure.command,
            measure_deadline_s=study.measure.deadline_s,
            baseline=ledger.trial(0).past(),
            incumbent=incumbent.past(),
            kept=kept[::-1],
            latest=told[::-1],
            dead_ends=earlier,
            trials_so_far=trial.number - 1,
        )
        return write_brief(facts)

    def _propose(self, trial: TrialRecord, brief: str) -> tuple[Draft, Candidate | Judgement]:
        try:
            return self._proposals.make(trial, brief)
        except ResearcherError as error:
            self._close(trial, Judgement(Verdict.INTERRUPTED, f"No proposal: {error}"))
            raise
        except Stopped:
            self._close(trial, Judgement(Verdict.INTERRUPTED, "Stopped while proposing."))
            raise

    def _record(self, trial: TrialRecord, draft: Draft, candidate: Candidate) -> None:
        self._ledger.record_proposal(
            trial.number, draft, commit=candidate.commit, tree=candidate.tree
        )

    def _save_patch(self, trial: TrialRecord, candidate: Candidate) -> Future[DiffStat]:
        """Write the patch among the trial's files meanwhile, and count its lines."""

        def save() -> DiffStat:
            patch, size = self._bench.repository.patch(candidate.parent, candidate.commit)
            (self._bench.trial_dir(trial.number) / "proposal.patch").write_bytes(patch)
            return size

        return self._bench.workspaces.in_background(save)

    def _guard(self, candidate: Candidate) -> Judgement | None:
        refusal = refuse_scope(
            candidate.changes,
            editable=self._study.editable,
            protected=self._study.protected,
            existing=self._bench.repository.files(candidate.parent),
        )
        if refusal is not None:
            return refusal
        earlier = self._ledger.trial_of_tree(candidate.tree)
        if earlier is None:
            return None
        reason = f"The same files as trial {earlier.number} ({earlier.verdict}: {earlier.reason})"
        return Judgement(Verdict.DUPLICATE, reason)

    def _measure(self, trial: TrialRecord, candidate: Candidate, *, state: State) -> Run:
        """Run the measured command once, the next trial's directories being made meanwhile.

        Raises:
            Stopped: It was ended by request; the trial stays in state measuring.
        """
        bench = self._bench
        checkout = bench.workspaces.checkout(candidate)
        log_dir = bench.trial_dir(trial.number)
        run_id = self._ledger.begin_run(trial.number, from_state=state)
        if self._command.setup is not None:
            deadline_s = self._command.setup.deadline_s
            bench.watcher.phase(trial.number, Phase.SETTING_UP, deadline_s=deadline_s)
        run = self._command.set_up(checkout, log=log_dir / "setup.log", processes=bench.processes)
        if run is None:
            log = log_dir / "output.log"
            deadline_s = self._command.deadline_s
            bench.watcher.phase(trial.number, Phase.MEASURING, deadline_s=deadline_s, log=log)
            bench.workspaces.prepare(candidate.parent)
            run = self._command.run(checkout, log=log, processes=bench.processes)
        self._ledger.end_run(run_id, run)
        if run.outcome is Outcome.INTERRUPTED:
            raise Stopped(f"Trial {trial.number} will be measured again by the next run.")
        return run

    def _finished_run(self, trial: TrialRecord) -> Run | None:
        """The trial's last run, if it came to an end of its own."""
        runs = self._ledger.runs(trial.number)
        if not runs or runs[-1].outcome in (None, Outcome.INTERRUPTED):
            return None
        last = runs[-1]
        return Run(
            outcome=last.outcome or Outcome.INTERRUPTED,
            metrics=last.metrics,
            reason=last.reason,
            exit_code=last.exit_code,
            duration_s=last.duration_s or 0.0,
            output_bytes=last.output_bytes or 0,
        )

    def _decide(self, trial: TrialRecord, run: Run, size: Future[DiffStat]) -> TrialRecord:
        objective = self._study.objective
        judgement = judge(
            self._gate,
            objective,
            run=run,
            incumbent=self._incumbent_value(),
            stat=size.result(),
        )
        value = run.metrics.get(objective.metric)
        if judgement.verdict is not Verdict.KEEP or value is None:
            return self._close(trial, judgement, value=value, size=size)
        self._ledger.intend_keep(trial.number, judgement, value=value, size=size.result())
        return self._finish_keep(trial)

    def _finish_keep(self, trial: TrialRecord) -> TrialRecord:
        repository = self._bench.repository
        commit = trial.commit or self._ledger.trial(trial.number).commit or ""
        old = None if trial.is_baseline else trial.parent_commit
        repository.move_branch(old=old, new=commit)
        self._ledger.finish_keep(trial.number)
        return self._done(trial)

    def _close(
        self,
        trial: TrialRecord,
        judgement: Judgement,
        *,
        value: float | None = None,
        title: str = "",
        size: Future[DiffStat] | None = None,
    ) -> TrialRecord:
        self._ledger.close_trial(
            trial.number,
            judgement,
            value=value,
            title=title,
            size=size.result() if size is not None else None,
        )
        return self._done(trial)

    def _done(self, trial: TrialRecord) -> TrialRecord:
        self._bench.results.update()
        closed = self._ledger.trial(trial.number)
        self._bench.watcher.verdict(closed)
        return closed
