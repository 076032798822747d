"""From a candidate's checkout to a `Run`: what was measured, and what stands against it."""

from collections.abc import Mapping
from pathlib import Path

from overnight.config import Study
from overnight.measure.artefacts import refuse_artefacts
from overnight.measure.claims import TimeAccount, doubt_time
from overnight.measure.commands import Logs, StudyCommands
from overnight.measure.execution import Execution, Failure
from overnight.measure.metrics import Fault, Reading, read_metrics
from overnight.measure.reserved import (
    as_claimed,
    told_by_harness,
    why_missing,
    without_reserved,
)
from overnight.types import Clock, Outcome, Run, SandboxKind, Trust
from overnight.workspace.pool import Checkout, Workspaces

_MOST_ARTEFACT_BYTES = 20 * 2**30
_SHOWN = 5


class Measuring:
    """Measures candidates of a study, one checkout at a time.

    Attributes:
        baseline_time: How the baseline's own claim stood to the harness's clock; None until known.
    """

    def __init__(self, study: Study, commands: StudyCommands) -> None:
        self.baseline_time: TimeAccount | None = None
        self._study = study
        self._commands = commands
        self._is_open = study.sandbox.kind is SandboxKind.NONE

    def set_up(self, checkout: Checkout, *, logs: Logs) -> Run | None:
        """Prepare a checkout; returns a run that failed, or None when all is well."""
        execution = self._commands.set_up(
            checkout.root, checkout.output_dir, logs.file("setup"), kept=checkout.kept
        )
        if execution is None:
            return None
        failure = execution.failure or _altered(checkout)
        if failure is None:
            checkout.forget_bytecode()
            return None
        told = Failure(failure.outcome, f"Setup: {failure.reason}")
        return _run(execution, told, {}, self._trust(scored=False))

    def measure(
        self, checkout: Checkout, workspaces: Workspaces, *, logs: Logs, seed: int | None = None
    ) -> Run:
        """Run the measured command once, and the scorer where the study has one.

        Raises:
            DeviceMissing: The GPU was lost under the command.
            ScorerFailed: The scorer's own tree cannot be set up.
        """
        trained, peak_gpu_bytes = self._commands.train(checkout, logs=logs, seed=seed)
        seen = told_by_harness(trained.ending, peak_gpu_bytes=peak_gpu_bytes)
        failure = trained.failure or _altered(checkout) or self._doubt_time(trained.reading, seen)
        if self._study.score is not None:
            known = {**as_claimed(trained.reading.values), **seen}
            if failure is None:
                failure = _unusable(checkout)
            if failure is not None:
                return _run(trained, failure, known, self._trust(scored=True))
            scored = self._commands.score(self._study.score, checkout, workspaces, logs=logs)
            return self._scored(trained, scored, known)
        if failure is None and self._commands.is_strict:
            failure = self._doubt_report(trained.reading, logs.file("children"))
        metrics = without_reserved(trained.reading.values) | seen
        failure = failure or self._missing(trained.reading, metrics)
        return _run(trained, failure, metrics, self._trust(scored=False))

    def hold_out(self, checkout: Checkout, workspaces: Workspaces, *, logs: Logs) -> Run:
        """Score a measured checkout on the study's hold-out.

        Without a scorer the candidate's own files take part. They are checked out anew, because
        modules and bytecode that its run has left beside them would take part too.

        Raises:
            ScorerFailed: The scorer's own tree cannot be set up.
        """
        table = self._study.holdout
        if table is None:
            raise ValueError("the study has no hold-out")
        if self._study.score is None:
            used, checkout = checkout, workspaces.another(checkout)
            failed = self.set_up(checkout, logs=logs)
            if failed is not None:
                return failed
            checkout.take_artefacts(used)
        execution = self._commands.hold_out(table, checkout, workspaces, logs=logs)
        failure = execution.failure or _fault(execution.reading, self.holdout_metric)
        metrics = without_reserved(execution.reading.values)
        return _run(execution, failure, metrics, self._trust(scored=self._study.score is not None))

    @property
    def holdout_metric(self) -> str:
        """What the hold-out reports."""
        table = self._study.holdout
        return (table and table.metric) or self._study.objective.metric

    def time_account(self, metrics: Mapping[str, float]) -> TimeAccount | None:
        """What a run claimed of its time beside what it used, where the study tells its name."""
        claim = self._study.measure.claimed_time
        if claim is None:
            return None
        claimed_s = metrics.get(claim.metric, metrics.get(f"claimed.{claim.metric}"))
        used_s = metrics.get("harness.cpu_s" if claim.clock is Clock.CPU else "harness.wall_s")
        return None if claimed_s is None or used_s is None else TimeAccount(claimed_s, used_s)

    def _scored(self, trained: Execution, scored: Execution, known: Mapping[str, float]) -> Run:
        metrics = {**without_reserved(scored.reading.values), **known}
        failure = scored.failure or self._missing(scored.reading, metrics)
        told = failure and Failure(failure.outcome, f"Score: {failure.reason}")
        return _run(trained, told, metrics, self._trust(scored=True))

    def _trust(self, *, scored: bool) -> Trust:
        if self._is_open:
            return Trust.OPEN
        return Trust.SCORED if scored else Trust.CONFINED

    def _needed(self) -> tuple[str, ...]:
        objective = self._study.objective
        return (objective.metric, *(constraint.metric for constraint in objective.constraints))

    def _missing(self, reading: Reading, metrics: Mapping[str, float]) -> Failure | None:
        for name in self._needed():
            if name not in metrics:
                reserved = why_missing(name)
                return Failure(Outcome.NO_METRIC, reserved) if reserved else _fault(reading, name)
        return None

    def _doubt_time(self, reading: Reading, seen: Mapping[str, float]) -> Failure | None:
        claim = self._study.measure.claimed_time
        if self.baseline_time is None or claim is None:
            return None
        account = self.time_account({**reading.values, **seen})
        if account is None:
            return _fault(reading, claim.metric)
        doubt = doubt_time(account, baseline=self.baseline_time)
        return None if doubt is None else Failure(Outcome.TAMPERED, doubt)

    def _doubt_report(self, reading: Reading, children: Path) -> Failure | None:
        """What strict mode has against the report: a name told twice, or by a child."""
        by_children = read_metrics(children.read_bytes())
        for name in self._needed():
            if by_children.counts.get(name):
                reason = f"{name} was printed by a child of the program; strict mode refuses that."
                return Failure(Outcome.TAMPERED, reason)
            if reading.counts.get(name, 0) > 1:
                reason = f"{name} was reported {reading.counts[name]} times; strict mode takes one."
                return Failure(Outcome.TAMPERED, reason)
        return None


def _altered(checkout: Checkout) -> Failure | None:
    altered = checkout.altered()
    if not altered:
        return None
    shown = ", ".join(altered[:_SHOWN])
    return Failure(Outcome.TAMPERED, f"The run changed its own files: {shown}.")


def _unusable(checkout: Checkout) -> Failure | None:
    problem = refuse_artefacts(checkout.artefacts, most_bytes=_MOST_ARTEFACT_BYTES)
    return None if problem is None else Failure(Outcome.NO_METRIC, problem)


def _fault(reading: Reading, name: str) -> Failure | None:
    found = reading.look_up(name)
    return Failure(Outcome.NO_METRIC, found.explanation) if isinstance(found, Fault) else None


def _run(
    execution: Execution, failure: Failure | None, metrics: Mapping[str, float], trust: Trust
) -> Run:
    ending = execution.ending
    reason = "" if failure is None else failure.reason
    return Run(
        outcome=Outcome.MEASURED if failure is None else failure.outcome,
        metrics=metrics,
        reason=reason if ending.detail in reason else f"{reason} {ending.detail}".strip(),
        exit_code=ending.code,
        duration_s=ending.duration_s,
        output_bytes=ending.printed_bytes,
        trust=trust,
    )
