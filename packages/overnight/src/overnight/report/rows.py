"""A trial as one row: the same keys in ``log --json``, ``show --json``, exports and frames."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import TypedDict, TypeVar

from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import Attempt, RunRecord, SessionRecord, TrialRecord
from overnight.types import Goal, JsonValue, Verdict

JUDGED_BY_VALUE = frozenset({Verdict.KEEP, Verdict.DISCARD, Verdict.VIOLATION})


class TrialRow(TypedDict):
    """Everything that the ledger knows of a trial; what is not known is None, never 0.

    `minutes` counts from the beginning of the night to the trial's end, `work_minutes` from the
    first trial of all and only while a process was at work. `incumbent` is the number of the trial
    that this one had to beat, `to_beat` the value that this was judged against (a checkpoint may
    have measured it again), `gain` how much better it was in the metric's unit (positive is
    better), `best` the incumbent's value once this trial was judged. `demoted_after` is the latest
    trial when a checkpoint took the keep back. `arm` is the arm of a comparison that it belongs to,
    None for the study's own. `trust` says how the last run was measured. `propose_s` and
    `measure_s` add up the researcher's calls and the runs; `thinking_s`, `guards_s`, `measuring_s`
    and `idle_s` say where all of its time went. `exit_code`, `metrics` and `device` are the last
    run's. Token counts add up what the agent reported; `cost_usd` is None when a call has no known
    price.
    """

    number: int
    night: int
    arm: str | None
    state: str
    verdict: str | None
    title: str
    reason: str
    value: float | None
    incumbent: int | None
    incumbent_value: float | None
    to_beat: float | None
    gain: float | None
    best: float | None
    demoted_after: int | None
    trust: str | None
    created_at: datetime
    proposed_at: datetime | None
    finished_at: datetime | None
    minutes: float | None
    work_minutes: float | None
    propose_s: float | None
    measure_s: float | None
    thinking_s: float | None
    guards_s: float | None
    measuring_s: float | None
    idle_s: float | None
    device: str | None
    attempts: int
    runs: int
    exit_code: int | None
    lines_added: int | None
    lines_removed: int | None
    input_tokens: int | None
    cached_input_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: float | None
    researcher: str
    model: str | None
    parent_commit: str
    commit: str | None
    tree: str | None
    rationale: str
    target: str
    details: Mapping[str, JsonValue]
    metrics: Mapping[str, float]


def trial_rows(reader: LedgerReader, trials: Sequence[TrialRecord] | None = None) -> list[TrialRow]:
    """Rows for some trials, or for all of them, oldest first."""
    context = _Context(reader)
    if trials is not None:
        return [
            context.row(trial, reader.runs(trial.number), reader.attempts(trial.number))
            for trial in trials
        ]
    everything = reader.trials()
    runs: dict[int, list[RunRecord]] = defaultdict(list)
    attempts: dict[int, list[Attempt]] = defaultdict(list)
    for run in reader.all_runs():
        runs[run.trial].append(run)
    for number, attempt in reader.all_attempts():
        attempts[number].append(attempt)
    return [context.row(trial, runs[trial.number], attempts[trial.number]) for trial in everything]


class Incumbents:
    """Which trial was the incumbent when.

    Args:
        kept: Every trial that was ever kept, oldest first.
    """

    def __init__(self, kept: Sequence[TrialRecord]) -> None:
        self._kept = kept

    def before(self, number: int) -> TrialRecord | None:
        """The trial that the trial of this number had to beat; None for the baseline."""
        place = bisect_left(self._kept, number, key=attrgetter("number"))
        return next((kept for kept in reversed(self._kept[:place]) if _stood(kept, number)), None)


def _stood(kept: TrialRecord, number: int) -> bool:
    """Whether a keep was not demoted yet when the trial of this number began."""
    return kept.demoted_after is None or kept.demoted_after >= number


def gain_over(goal: Goal, trial: TrialRecord, incumbent: TrialRecord | None) -> float | None:
    """How much better a trial is than the incumbent; None when the two cannot be compared."""
    if incumbent is None or incumbent.value is None or trial.value is None:
        return None
    if trial.verdict not in JUDGED_BY_VALUE:
        return None
    old = incumbent.value if trial.to_beat is None else trial.to_beat
    return goal.gain(old=old, new=trial.value)


@dataclass(frozen=True, slots=True)
class _Clock:
    """Tells for how long the study has been at work, pauses between sessions left out."""

    sessions: Sequence[SessionRecord]

    def work_minutes(self, at: datetime | None) -> float | None:
        begun = [] if at is None else [s for s in self.sessions if s.started_at <= at]
        if at is None or not begun:
            return None
        earlier_s = sum(session.active_s for session in begun[:-1])
        return (earlier_s + (at - begun[-1].started_at).total_seconds()) / 60


class _Context:
    def __init__(self, reader: LedgerReader) -> None:
        self._goal = reader.study.goal
        self._arm_of_night = {night.number: night.arm for night in reader.nights()}
        self._arms = {
            arm.id: arm.name for each in reader.comparisons() for arm in reader.arms(each.id)
        }
        self._incumbents = self._chains(reader.latest(None, verdicts=[Verdict.KEEP])[::-1])
        self._clock = _Clock(reader.sessions())
        self._night_began = {night.number: night.started_at for night in reader.nights()}

    def row(
        self, trial: TrialRecord, runs: Sequence[RunRecord], attempts: Sequence[Attempt]
    ) -> TrialRow:
        arm = None if trial.is_baseline else self._arm_of_night.get(trial.night)
        chain = self._incumbents.get(arm)
        incumbent = None if chain is None else chain.before(trial.number)
        is_kept = trial.verdict is Verdict.KEEP
        best = trial if is_kept else incumbent
        usages = [attempt.usage for attempt in attempts]
        unpriced = any(use.total_tokens and use.cost_usd is None for use in usages)
        return TrialRow(
            number=trial.number,
            night=trial.night,
            arm=self._arms.get(arm) if arm is not None else None,
            state=str(trial.state),
            verdict=None if trial.verdict is None else str(trial.verdict),
            title=trial.title,
            reason=trial.reason,
            value=trial.value,
            incumbent=None if incumbent is None else incumbent.number,
            incumbent_value=None if incumbent is None else incumbent.value,
            to_beat=trial.to_beat,
            gain=gain_over(self._goal, trial, incumbent),
            best=None if best is None else best.value,
            demoted_after=trial.demoted_after,
            trust=str(runs[-1].trust) if runs else None,
            created_at=trial.created_at,
            proposed_at=trial.proposed_at,
            finished_at=trial.finished_at,
            minutes=self._minutes(trial),
            work_minutes=self._clock.work_minutes(trial.finished_at),
            propose_s=_sum(attempt.duration_s for attempt in attempts),
            measure_s=_sum(run.duration_s for run in runs),
            thinking_s=trial.phases.thinking_s,
            guards_s=trial.phases.guards_s,
            measuring_s=trial.phases.measuring_s,
            idle_s=trial.phases.idle_s,
            device=runs[-1].device if runs else None,
            attempts=len(attempts),
            runs=len(runs),
            exit_code=runs[-1].exit_code if runs else None,
            lines_added=trial.lines_added,
            lines_removed=trial.lines_removed,
            input_tokens=_sum(use.input_tokens for use in usages),
            cached_input_tokens=_sum(use.cached_input_tokens for use in usages),
            output_tokens=_sum(use.output_tokens for use in usages),
            reasoning_tokens=_sum(use.reasoning_tokens for use in usages),
            cost_usd=None if unpriced else _sum(use.cost_usd for use in usages),
            researcher=trial.researcher,
            model=trial.model,
            parent_commit=trial.parent_commit,
            commit=trial.commit,
            tree=trial.tree,
            rationale=trial.rationale,
            target=trial.target,
            details=trial.details,
            metrics=runs[-1].metrics if runs else {},
        )

    def _chains(self, kept: Sequence[TrialRecord]) -> Mapping[int | None, Incumbents]:
        """The incumbents of the study's own nights, and of each arm of a comparison."""
        arms = {None, *self._arms}
        of_arm = {trial.number: self._arm_of_night.get(trial.night) for trial in kept}
        return {
            arm: Incumbents([t for t in kept if t.is_baseline or of_arm[t.number] == arm])
            for arm in arms
        }

    def _minutes(self, trial: TrialRecord) -> float | None:
        began = self._night_began.get(trial.night)
        if began is None or trial.finished_at is None:
            return None
        return (trial.finished_at - began).total_seconds() / 60


_Number = TypeVar("_Number", int, float)


def _sum(values: Iterable[_Number | None]) -> _Number | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
