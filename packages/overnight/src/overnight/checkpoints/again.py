"""Measuring finished trials again, in checkouts made anew from the repository."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType

from overnight.bench import Bench
from overnight.checkpoints.judging import Sample
from overnight.errors import OvernightError, Stopped
from overnight.gate import broken_constraints
from overnight.ledger.records import TrialRecord
from overnight.measure.commands import Logs
from overnight.progress import Phase
from overnight.types import Outcome, Purpose, Run
from overnight.workspace.candidates import Candidate

_SEEDS_PER_CHECKPOINT = 1_000


@dataclass(slots=True)
class Runs:
    """What came of measuring one commit several times."""

    values: list[float] = field(default_factory=list)
    holdout: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def sample(self) -> Sample:
        """As a value."""
        return Sample(tuple(self.values), tuple(self.holdout), tuple(self.failures))


class Again:
    """Measures candidates again while its block lasts, each run recorded under one checkpoint.

    Args:
        checkpoint: Its id.
        purpose: What the ledger says that the runs were made for.
        line: Which of several that measure for one checkpoint at the same time.
    """

    def __init__(self, bench: Bench, checkpoint: int, *, purpose: Purpose, line: int = 0) -> None:
        self._bench = bench
        self._checkpoint = checkpoint
        self._purpose = purpose
        self._workspaces = bench.fresh_workspaces(f"again-{checkpoint}")
        self._name = f"again-{checkpoint}" + (f"-{line}" if line else "")
        self._logs = 0

    def __enter__(self) -> "Again":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._workspaces.close()

    def in_turn(
        self, trials: Sequence[TrialRecord], *, repeats: int, holdout: bool
    ) -> list[Sample]:
        """Measure trials one after the other, and again, so that a drift of the machine hits all.

        The n-th run of each has the same seed, where the study says how it is set.

        Raises:
            Stopped: A stop was asked for.
        """
        runs = [Runs() for _ in trials]
        for repeat in range(repeats):
            for trial, found in zip(trials, runs, strict=True):
                self.once(trial, into=found, seed=self._seed(repeat), holdout=holdout)
        return [found.sample() for found in runs]

    def once(
        self,
        trial: TrialRecord,
        *,
        into: Runs,
        seed: int,
        holdout: bool,
        candidate: Candidate | None = None,
        block: int | None = None,
    ) -> None:
        """Measure one candidate once, and its hold-out where the study has one.

        Args:
            trial: The trial that the run belongs to.
            candidate: What to measure; left out: what the trial proposed.
            block: Which one it belongs to, as the ledger records it.

        Raises:
            Stopped: A stop was asked for.
        """
        bench = self._bench
        candidate = candidate or self._candidate(trial)
        checkout = self._workspaces.checkout(candidate)
        self._logs += 1
        logs = Logs(bench.trial_dir(trial.number), f"{self._name}-{self._logs}-")
        bench.watcher.phase(
            trial.number,
            Phase.VALIDATING,
            deadline_s=bench.study.measure.deadline_s,
            log=logs.file("output"),
        )
        run = self._recorded(
            trial,
            self._purpose,
            lambda: (
                bench.measuring.set_up(checkout, logs=logs)
                or bench.measuring.measure(checkout, self._workspaces, logs=logs, seed=seed)
            ),
            block=block,
        )
        self._note(run, into)
        if holdout and run.outcome is Outcome.MEASURED and bench.study.holdout is not None:
            held_out = self._recorded(
                trial,
                Purpose.HOLDOUT,
                lambda: bench.measuring.hold_out(checkout, self._workspaces, logs=logs),
            )
            self._note_holdout(held_out, into)

    def _recorded(
        self,
        trial: TrialRecord,
        purpose: Purpose,
        measure: Callable[[], Run],
        *,
        block: int | None = None,
    ) -> Run:
        ledger = self._bench.ledger
        run_id = ledger.run_again(
            trial.number,
            checkpoint=self._checkpoint,
            purpose=purpose,
            device=self._bench.seat.device.name,
            block=block,
        )
        try:
            run = measure()
        except OvernightError as error:
            ledger.end_run(run_id, Run.cut_off(str(error)))
            raise
        ledger.end_run(run_id, run)
        if run.outcome is Outcome.INTERRUPTED:
            raise Stopped("The checkpoint will be made again by the next run.")
        return run

    def _note(self, run: Run, into: Runs) -> None:
        objective = self._bench.study.objective
        if run.outcome is not Outcome.MEASURED:
            into.failures.append(run.reason)
            return
        broken = broken_constraints(objective, run)
        if broken:
            into.failures.append(f"{'; '.join(broken)}.")
        else:
            into.values.append(run.metrics[objective.metric])

    def _note_holdout(self, run: Run, into: Runs) -> None:
        if run.outcome is Outcome.MEASURED:
            into.holdout.append(run.metrics[self._bench.measuring.holdout_metric])
        else:
            into.failures.append(f"Hold-out: {run.reason}")

    def _candidate(self, trial: TrialRecord) -> Candidate:
        parent = trial.parent_commit
        return self._bench.repository.candidate(parent=parent, commit=trial.commit or parent)

    def _seed(self, repeat: int) -> int:
        return self._checkpoint * _SEEDS_PER_CHECKPOINT + repeat
