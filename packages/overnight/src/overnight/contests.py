"""From the ledger to what a comparison is judged by."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

from overnight.compare.records import (
    ArmRecord,
    ArmTrial,
    Contest,
    DeviceRecord,
    Pricing,
    Rerun,
)
from overnight.errors import OvernightError
from overnight.file_changes import changes_of
from overnight.ledger import records
from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import Attempt, RunRecord, TrialRecord
from overnight.report.rows import JUDGED_BY_VALUE
from overnight.types import CheckpointKind, JsonValue, Outcome, Phases, Purpose, State, Verdict
from overnight.workspace.repository import Repository


def contest_of(reader: LedgerReader, repository: Repository, comparison: int) -> Contest:
    """Everything that the ledger knows of a comparison, finished or not.

    Args:
        reader: Of every trial.

    Raises:
        OvernightError: There is no such comparison.
    """
    arms = reader.arms(comparison)
    if not arms:
        raise OvernightError(f"There is no comparison {comparison} in {reader.path}.")
    gathered = _Gathered(reader, repository, comparison)
    by_name: defaultdict[str, list[records.ArmRecord]] = defaultdict(list)
    for arm in arms:
        by_name[arm.name].append(arm)
    return Contest(
        metric=reader.study.metric,
        goal=reader.study.goal,
        arms=tuple(gathered.arm(name, nights) for name, nights in by_name.items()),
        baseline=gathered.reruns(0),
        prices=gathered.prices(arms),
        devices=gathered.devices(arms),
    )


class _Gathered:
    """The ledger's rows of one comparison, read once."""

    def __init__(self, reader: LedgerReader, repository: Repository, comparison: int) -> None:
        self._reader, self._repository = reader, repository
        self._metric, self._goal = reader.study.metric, reader.study.goal
        self._start = reader.trial(0).value
        self._trials = reader.trials(after=0)
        self._arm_of_night = {night.number: night.arm for night in reader.nights()}
        self._runs: defaultdict[int, list[RunRecord]] = defaultdict(list)
        for run in reader.all_runs():
            self._runs[run.trial].append(run)
        self._attempts: defaultdict[int, list[Attempt]] = defaultdict(list)
        for trial, attempt in reader.all_attempts():
            self._attempts[trial].append(attempt)
        self._again = _last_measurement(reader, comparison)

    def arm(self, name: str, nights: Sequence[records.ArmRecord]) -> ArmRecord:
        """All nights of one arm."""
        turns: list[ArmTrial] = []
        reruns: list[Rerun] = []
        for night in nights:
            mine = [t for t in self._trials if self._arm_of_night.get(t.night) == night.id]
            turns += [self._turn(trial, night.repeat) for trial in mine if _is_done(trial)]
            kept = [t.number for t in mine if _stands(t)]
            reruns += self.reruns(kept[-1] if kept else 0, repeat=night.repeat)
        return ArmRecord(
            name,
            tuple(turns),
            tuple(reruns),
            starts={} if self._start is None else {each.repeat: self._start for each in nights},
            setup=_setup(nights[0].settings),
        )

    def prices(self, nights: Sequence[records.ArmRecord]) -> tuple[Pricing, ...]:
        """Where the money of some nights comes from."""
        theirs = {night.id for night in nights}
        days: defaultdict[str | None, list[date]] = defaultdict(list)
        for trial in self._trials:
            if self._arm_of_night.get(trial.night) in theirs:
                for attempt in self._attempts[trial.number]:
                    if attempt.usage.cost_usd is not None:
                        days[attempt.usage.priced_by].append(attempt.started_at.date())
        return tuple(
            Pricing(by, len(found), min(found), max(found))
            for by, found in sorted(days.items(), key=lambda entry: entry[0] or "")
        )

    def devices(self, nights: Sequence[records.ArmRecord]) -> tuple[DeviceRecord, ...]:
        """What some nights were measured on, with the baseline's values there."""
        theirs = {night.id for night in nights}
        names = {
            run.device
            for trial in self._trials
            if self._arm_of_night.get(trial.night) in theirs
            for run in self._runs[trial.number]
        }
        return tuple(
            DeviceRecord(name, self._baseline_on(name)) for name in sorted(filter(None, names))
        )

    def _baseline_on(self, device: str) -> tuple[float, ...]:
        runs = self._reader.runs_on(device, trial=0)
        values = (_value(run, self._metric) for run in runs if run.purpose is not Purpose.HOLDOUT)
        return tuple(value for value in values if value is not None)

    def reruns(self, trial: int, *, repeat: int = 1) -> tuple[Rerun, ...]:
        """The last measurement's runs of a trial; those of older ledgers in the order of blocks."""
        return tuple(
            Rerun(place if run.block is None else run.block, _value(run, self._metric), repeat)
            for place, run in enumerate(self._again.get(trial, ()))
        )

    def _turn(self, trial: TrialRecord, repeat: int) -> ArmTrial:
        runs, attempts = self._runs[trial.number], self._attempts[trial.number]
        device_s = sum(run.duration_s or 0.0 for run in runs)
        agent_s = sum(attempt.duration_s for attempt in attempts)
        return ArmTrial(
            number=trial.number,
            verdict=trial.verdict or Verdict.INTERRUPTED,
            title=trial.title,
            rationale=trial.rationale,
            value=trial.value,
            gain=self._gain(trial),
            kept=_stands(trial),
            repeat=repeat,
            device_s=device_s,
            agent_s=agent_s,
            wall_s=_wall_s(trial),
            tokens=sum(attempt.usage.total_tokens for attempt in attempts),
            cost_usd=_cost_usd(attempts),
            phases=_phases(trial, agent_s=agent_s, device_s=device_s),
            finished_at=trial.finished_at,
            files=changes_of(self._repository, trial) if _stands(trial) else (),
            device=runs[-1].device if runs else None,
        )

    def _gain(self, trial: TrialRecord) -> float | None:
        if trial.value is None or trial.to_beat is None or trial.verdict not in JUDGED_BY_VALUE:
            return None
        return self._goal.gain(old=trial.to_beat, new=trial.value)


def _last_measurement(reader: LedgerReader, comparison: int) -> Mapping[int, Sequence[RunRecord]]:
    """The runs that decide a comparison, by trial; none before they were made."""
    made = [
        checkpoint.id
        for checkpoint in reader.checkpoints(CheckpointKind.COMPARISON)
        if checkpoint.facts.get("comparison") == comparison
    ]
    runs: defaultdict[int, list[RunRecord]] = defaultdict(list)
    for run in reader.runs_again(checkpoint=made[-1]) if made else ():
        runs[run.trial].append(run)
    return runs


def _setup(settings: Mapping[str, JsonValue]) -> str:
    """What an arm's researcher is, in a few words; the same for the same settings."""
    told = [f"{settings.get('kind')}:{settings.get('model') or 'default'}"]
    told += [f"{key}={settings[key]}" for key in ("program", "options") if settings.get(key)]
    return " ".join(told)


def _value(run: RunRecord, metric: str) -> float | None:
    return run.metrics.get(metric) if run.outcome is Outcome.MEASURED else None


def _stands(trial: TrialRecord) -> bool:
    return trial.verdict is Verdict.KEEP and trial.demoted_after is None


def _is_done(trial: TrialRecord) -> bool:
    return trial.state is State.DONE


def _wall_s(trial: TrialRecord) -> float | None:
    if trial.finished_at is None:
        return None
    return (trial.finished_at - trial.created_at).total_seconds()


def _phases(trial: TrialRecord, *, agent_s: float, device_s: float) -> Phases:
    """Where a turn's time went; in part where it was cut off, or is of an older ledger."""
    known = trial.phases
    return Phases(agent_s, None, device_s, None) if known.idle_s is None else known


def _cost_usd(attempts: Sequence[Attempt]) -> float | None:
    """What the calls cost; unknown where one that used tokens has no price."""
    usages = [attempt.usage for attempt in attempts]
    if any(usage.total_tokens and usage.cost_usd is None for usage in usages):
        return None
    return sum(usage.cost_usd or 0.0 for usage in usages)
