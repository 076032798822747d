"""One trial, top to bottom: brief, propose, guards, candidate, measure, judge, record."""

from collections.abc import Sequence
from concurrent.futures import Future

from overnight.bench import Bench
from overnight.brief import Guidance
from overnight.briefing import Briefing
from overnight.errors import BaselineFailed, ResearcherError, Stopped
from overnight.gate import Gate, broken_constraints, judge
from overnight.ledger.records import Attempt, TrialRecord
from overnight.measurements import Measurements
from overnight.proposals import Proposals
from overnight.standards import value_of_runs
from overnight.types import DiffStat, Draft, Judgement, Outcome, Run, State, Verdict
from overnight.workspace.candidates import Candidate


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
        self._measurements = Measurements(bench)
        self._briefing = Briefing(bench.study, bench.ledger)
        self._incumbent: TrialRecord | None = None
        self._to_beat: float | None = None
        self._take_incumbent()
        self._gate = Gate(bench.study.gate.ties, bench.study.gate.min_delta)

    def guide(self, guidance: Guidance) -> None:
        """Say what the next brief tells beside the record."""
        self._briefing.guidance = guidance

    def refresh(self) -> None:
        """Take note of what was changed beside the trials: incumbent, value to beat, history."""
        self._briefing.refresh()
        self._proposals.refresh()
        self._take_incumbent()

    def _take_incumbent(self) -> None:
        self._incumbent = self._ledger.incumbent()
        if self._incumbent is not None:
            again = self._measured_again(self._incumbent)
            self._to_beat = self._incumbent.value if again is None else again

    def _measured_again(self, trial: TrialRecord) -> float | None:
        """What a trial was found to measure since, or on the device of now where that changes."""
        seeded = self._study.measure.seed_variable is not None  # other seeds do not compare
        seat = self._bench.seat
        if seat.rotates and seat.device.name is not None:
            runs = self._ledger.runs_on(seat.device.name, trial=trial.number)
            return value_of_runs(runs, self._study.objective.metric, seeded=seeded)
        return None if seeded else self._ledger.measured_again(trial.number)

    def settle(self) -> None:
        """Be ready to judge on the device of now: know what the incumbent measures there.

        Raises:
            BaselineFailed: The unmodified start cannot be measured there.
            Stopped: A stop was asked for.
        """
        self._take_incumbent()
        incumbent, seat = self._incumbent, self._bench.seat
        if not seat.rotates or incumbent is None or self._measured_again(incumbent) is not None:
            return
        run = self._measurements.on_this_device(incumbent)
        if run.outcome is not Outcome.MEASURED:
            told = f"Trial {incumbent.number} could not be measured on {seat.device.name}"
            if incumbent.is_baseline:
                raise BaselineFailed(f"{told}: {run.reason}")
            self._bench.watcher.say(f"{told}, its value elsewhere counts there: {run.reason}")
        self._take_incumbent()

    def trial(self) -> TrialRecord:
        """Make one proposal and take it to a verdict.

        Raises:
            ResearcherError: No proposal came; the trial is closed as interrupted.
            Stopped: A stop was asked for; the trial is closed, or can be gone on with.
        """
        trial = self._open(self._commit_to_improve())
        draft, proposal = self._propose(trial)
        if isinstance(proposal, Judgement):
            return self._close(trial, proposal, draft=draft)
        self._record(trial, draft, proposal)
        size = self._save_patch(trial, proposal)
        refusal = self._guard(proposal)
        if refusal is not None:
            return self._close(trial, refusal, size=size)
        run = self._measurements.make(trial, proposal, state=State.PROPOSING)
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
        run = self._measurements.make(trial, candidate, state=trial.state)
        if run.outcome is not Outcome.MEASURED:
            raise BaselineFailed(f"The baseline could not be measured: {run.reason}")
        broken = broken_constraints(self._study.objective, run)
        if broken:
            raise BaselineFailed(f"The baseline breaks a constraint: {'; '.join(broken)}.")
        value = run.metrics[self._study.objective.metric]
        story = f"{self._study.objective.metric} = {value:.6g}."
        judgement = Judgement(Verdict.KEEP, story)
        phases = self._bench.timesheet.take()
        self._ledger.intend_keep(
            trial.number, judgement, value=value, size=DiffStat(0, 0), phases=phases
        )
        return self._finish_keep(trial, run)

    def go_on(self, trial: TrialRecord) -> TrialRecord:
        """Take a trial that was cut off to its verdict, from as far as the ledger knows it.

        Its proposal is paid for, so what was being measured is measured again.
        """
        if trial.verdict is Verdict.KEEP:
            return self._finish_keep(trial, self._measurements.finished(trial))
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
        run = self._measurements.finished(trial)
        if run is None:
            self._ledger.abandon_runs(trial.number, reason="Cut off.")
            run = self._measurements.make(trial, candidate, state=trial.state)
        return self._decide(trial, run, size)

    @property
    def attempts(self) -> Sequence[Attempt]:
        """The calls of the researcher for the last trial."""
        return self._proposals.attempts

    def _commit_to_improve(self) -> str:
        if self._incumbent is None or self._incumbent.commit is None:
            raise BaselineFailed("The baseline has not been measured.")
        return self._incumbent.commit

    def _value_to_beat(self) -> float:
        if self._to_beat is None:
            raise BaselineFailed("The baseline has not been measured.")
        return self._to_beat

    def _open(self, parent_commit: str) -> TrialRecord:
        researcher = self._study.researcher
        self._bench.timesheet.open()
        return self._ledger.open_trial(
            night=self._night,
            parent_commit=parent_commit,
            researcher=researcher.kind,
            model=researcher.model,
        )

    def _propose(self, trial: TrialRecord) -> tuple[Draft, Candidate | Judgement]:
        brief = self._briefing.write(trial)
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
        refusal = self._bench.guards.refuse(candidate)
        if refusal is not None:
            return refusal
        earlier = self._ledger.trial_of_tree(candidate.tree)
        if earlier is None:
            return None
        reason = f"The same files as trial {earlier.number} ({earlier.verdict}: {earlier.reason})"
        return Judgement(Verdict.DUPLICATE, reason)

    def _decide(self, trial: TrialRecord, run: Run, size: Future[DiffStat]) -> TrialRecord:
        objective, to_beat = self._study.objective, self._value_to_beat()
        judgement = judge(self._gate, objective, run=run, incumbent=to_beat, stat=size.result())
        value = run.metrics.get(objective.metric)
        if judgement.verdict is not Verdict.KEEP or value is None:
            return self._close(trial, judgement, run=run, size=size)
        self._ledger.intend_keep(
            trial.number,
            judgement,
            value=value,
            size=size.result(),
            to_beat=to_beat,
            phases=self._bench.timesheet.take(),
        )
        return self._finish_keep(trial, run)

    def _finish_keep(self, trial: TrialRecord, run: Run | None) -> TrialRecord:
        repository = self._bench.repository
        commit = trial.commit or self._ledger.trial(trial.number).commit or ""
        old = None if trial.is_baseline else trial.parent_commit
        repository.move_branch(old=old, new=commit)
        kept = self._ledger.finish_keep(trial.number)
        self._take_incumbent()
        return self._done(kept, run)

    def _close(
        self,
        trial: TrialRecord,
        judgement: Judgement,
        *,
        run: Run | None = None,
        draft: Draft | None = None,
        size: Future[DiffStat] | None = None,
    ) -> TrialRecord:
        closed = self._ledger.close_trial(
            trial.number,
            judgement,
            value=run.metrics.get(self._study.objective.metric) if run else None,
            to_beat=self._to_beat if run else None,
            draft=draft,
            size=size.result() if size is not None else None,
            phases=self._bench.timesheet.take(),
        )
        return self._done(closed, run)

    def _done(self, trial: TrialRecord, run: Run | None = None) -> TrialRecord:
        self._bench.results.append(trial, run.metrics if run else {})
        self._briefing.remember(trial)
        self._bench.watcher.verdict(trial)
        return trial
