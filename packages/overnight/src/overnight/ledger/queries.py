"""Reading the ledger; safe beside a running night, and never writes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, Select, bindparam, event, func, select, true
from sqlalchemy.exc import DatabaseError

from overnight.errors import LedgerError
from overnight.ledger import schema
from overnight.ledger.records import (
    ArmRecord,
    Attempt,
    CheckpointRecord,
    ComparisonRecord,
    DriftRecord,
    EventRecord,
    NightRecord,
    RunRecord,
    SessionRecord,
    Spent,
    StudyRecord,
    TrialRecord,
)
from overnight.ledger.rows import (
    attempt_record,
    checkpoint_record,
    event_record,
    night_record,
    run_record,
    study_record,
    time,
    time_or_none,
    trial_record,
)
from overnight.ledger.versions import show_added_columns
from overnight.types import (
    VALIDATING,
    CheckpointKind,
    EventKind,
    Purpose,
    State,
    Verdict,
)

TRIAL_COLUMNS = tuple(schema.trials.columns)
_STANDS = (schema.trials.c.verdict == Verdict.KEEP) & schema.trials.c.demoted_after.is_(None)


class LedgerReader:
    """Questions to a ledger.

    Args:
        path: The database file.
        arm: An arm of a comparison: only its trials and the baseline are there. Left out: every
            trial is, and what is kept is what stands on the study's own branch.

    Raises:
        LedgerError: There is none, or it is not one that this version reads.
    """

    def __init__(self, path: Path, *, arm: int | None = None) -> None:
        if not path.is_file():
            raise LedgerError(f"There is no ledger at {path}.", fix="`overnight run` makes one.")
        self.path = path
        self.arm = arm
        nights = select(schema.nights.c.number).where(schema.nights.c.arm == arm)
        self._nights_of_chain = nights
        number, night = schema.trials.c.number, schema.trials.c.night
        self._chain: ColumnElement[bool] = (number == 0) | night.in_(nights)
        self._listed: ColumnElement[bool] = true() if arm is None else self._chain
        self._first_of_tree = (  # asked on every trial, so it is built once
            select(*TRIAL_COLUMNS)
            .where(schema.trials.c.tree == bindparam("tree"), schema.trials.c.state == State.DONE)
            .where(self._chain)
            .order_by(number)
            .limit(1)
        )
        self.engine: Engine = schema.connect(path)
        event.listen(self.engine, "connect", show_added_columns)
        try:
            self.study = self._study()
        except LedgerError:
            self.close()
            raise

    def close(self) -> None:
        """Release the database."""
        self.engine.dispose()

    def incumbent(self) -> TrialRecord | None:
        """The best kept trial now, which may be the baseline; None before the baseline."""
        kept = self._trials(_STANDS & self._chain, newest_first=True, limit=1)
        return kept[0] if kept else None

    def trial(self, number: int) -> TrialRecord:
        """One trial.

        Raises:
            LedgerError: There is none of that number.
        """
        found = self._trials(schema.trials.c.number == number)
        if not found:
            raise LedgerError(f"There is no trial {number}.", fix="`overnight log` lists them.")
        return found[0]

    def trials(self, *, after: int = -1) -> list[TrialRecord]:
        """Every trial with a number above `after`, oldest first."""
        return self._trials((schema.trials.c.number > after) & self._listed)

    def latest(
        self, count: int | None, *, verdicts: Sequence[Verdict] | None = None
    ) -> list[TrialRecord]:
        """The last finished trials, newest first; all of them when `count` is None."""
        condition = (schema.trials.c.state == State.DONE) & self._listed
        if verdicts is not None:
            condition &= schema.trials.c.verdict.in_(verdicts)
        return self._trials(condition, newest_first=True, limit=count)

    def kept(self) -> list[TrialRecord]:
        """Every kept trial that still stands, oldest first; each is built on the one before."""
        return self._trials(_STANDS & self._chain)

    def ever_kept(self) -> list[TrialRecord]:
        """Every kept trial, oldest first, those included that were demoted later."""
        return self._trials((schema.trials.c.verdict == Verdict.KEEP) & self._chain)

    def latest_proposed(self) -> int:
        """The number of the latest trial that came to a proposal; 0 before the first."""
        trials = schema.trials.c
        query = select(trials.number).where(trials.proposed_at.is_not(None), self._listed)
        found = self._rows(query.order_by(trials.number.desc()).limit(1))
        return found[0].number if found else 0

    def count_judged(self, *, after: int) -> int:
        """How many trials above a number came to a verdict on their idea."""
        verdict = schema.trials.c.verdict
        return self._count(after, verdict.is_not(None) & (verdict != Verdict.INTERRUPTED))

    def count_standing(self, *, after: int) -> int:
        """How many keeps above a number still stand."""
        return self._count(after, _STANDS)

    def _count(self, after: int, condition: ColumnElement[bool]) -> int:
        query = select(func.count().label("trials")).select_from(schema.trials)
        found = self._rows(query.where(schema.trials.c.number > after, condition, self._listed))
        return int(found[0].trials)

    def unfinished(self) -> list[TrialRecord]:
        """Trials that have no final verdict yet."""
        return self._trials((schema.trials.c.state != State.DONE) & self._listed)

    def trial_of_tree(self, tree: str) -> TrialRecord | None:
        """The first trial that proposed exactly these files."""
        rows = self._rows(self._first_of_tree, {"tree": tree})
        return trial_record(rows[0]) if rows else None

    def runs(self, trial: int) -> list[RunRecord]:
        """The executions of the measured command that a trial was judged by, oldest first."""
        runs = schema.runs.c
        query = select(schema.runs).where(runs.trial == trial, runs.purpose == Purpose.TRIAL)
        return [run_record(row) for row in self._rows(query.order_by(runs.ordinal))]

    def all_runs(self) -> Iterator[RunRecord]:
        """Every execution of the measured command that a trial was judged by, by trial."""
        runs = schema.runs.c
        query = select(schema.runs).where(runs.purpose == Purpose.TRIAL)
        return map(run_record, self._rows(query.order_by(runs.trial, runs.ordinal)))

    def runs_again(self, *, checkpoint: int | None = None) -> list[RunRecord]:
        """Runs made at checkpoints and audits, of one of them or of all, in order."""
        runs = schema.runs.c
        query = select(schema.runs).where(runs.checkpoint.is_not(None)).order_by(runs.id)
        if checkpoint is not None:
            query = query.where(runs.checkpoint == checkpoint)
        return [run_record(row) for row in self._rows(query)]

    def runs_on(self, device: str, *, trial: int) -> list[RunRecord]:
        """Every run of a trial on one device, whatever for, oldest first."""
        runs = schema.runs.c
        query = select(schema.runs).where(runs.trial == trial, runs.device == device)
        return [run_record(row) for row in self._rows(query.order_by(runs.id))]

    def trials_by_device(self) -> Mapping[str, int]:
        """How many trials were measured on each device, the baseline left out."""
        trials, runs = schema.trials.c, schema.runs.c
        query = (
            select(runs.device, func.count(runs.trial.distinct()).label("number"))
            .select_from(schema.runs.join(schema.trials))
            .where(trials.number > 0, runs.purpose == Purpose.TRIAL, runs.device.is_not(None))
            .where(self._listed)
            .group_by(runs.device)
        )
        return {row.device: row.number for row in self._rows(query)}

    def checkpoints(self, *kinds: CheckpointKind) -> list[CheckpointRecord]:
        """Every checkpoint of some kinds, or of all, oldest first."""
        checkpoints = schema.checkpoints.c
        query = select(schema.checkpoints).where(self._of_chain(checkpoints.night))
        query = query.order_by(checkpoints.id)
        if kinds:
            query = query.where(checkpoints.kind.in_(kinds))
        return [checkpoint_record(row) for row in self._rows(query)]

    def measured_again(self, trial: int) -> float | None:
        """The objective of a trial as the last checkpoint measured it again, if one did."""
        found = self.checkpoints(*VALIDATING)
        values = [c.facts.get("incumbent_now") for c in found if c.incumbent == trial]
        known = [value for value in values if isinstance(value, float)]
        return known[-1] if known else None

    def holdout_gain(self, *, before: int) -> float | None:
        """The incumbent's gain on the hold-out at the last checkpoint before a trial's end."""
        found = [c for c in self.checkpoints(*VALIDATING) if c.after_trial < before]
        value = found[-1].facts.get("holdout_gain") if found else None
        return value if isinstance(value, float) else None

    def drift(self, *, after: int = -1) -> list[DriftRecord]:
        """What was seen of drift after each trial with a number above `after`."""
        query = select(schema.drift).where(schema.drift.c.trial > after)
        rows = self._rows(query.order_by(schema.drift.c.trial))
        names = [found.name for found in fields(DriftRecord)]
        return [DriftRecord(**{name: getattr(row, name) for name in names}) for row in rows]

    def events(self, *kinds: EventKind) -> list[EventRecord]:
        """What happened beside the trials, of some kinds or of all, oldest first."""
        query = select(schema.events).where(self._of_chain(schema.events.c.night))
        query = query.order_by(schema.events.c.id)
        if kinds:
            query = query.where(schema.events.c.kind.in_(kinds))
        return [event_record(row) for row in self._rows(query)]

    def attempts(self, trial: int) -> list[Attempt]:
        """The calls of the researcher for a trial, oldest first."""
        query = select(schema.attempts).where(schema.attempts.c.trial == trial)
        return [
            attempt_record(row) for row in self._rows(query.order_by(schema.attempts.c.ordinal))
        ]

    def all_attempts(self) -> Iterator[tuple[int, Attempt]]:
        """Every call of a researcher with its trial's number."""
        order = (schema.attempts.c.trial, schema.attempts.c.ordinal)
        rows = self._rows(select(schema.attempts).order_by(*order))
        return ((row.trial, attempt_record(row)) for row in rows)

    def verdict_counts(self) -> Mapping[Verdict, int]:
        """How many trials ended with each verdict, the baseline left out."""
        trials = schema.trials.c
        query = (
            select(trials.verdict, func.count().label("number"))
            .where(trials.number > 0, trials.verdict.is_not(None), self._listed)
            .group_by(trials.verdict)
        )
        return {Verdict(row.verdict): row.number for row in self._rows(query)}

    def comparisons(self) -> list[ComparisonRecord]:
        """Every comparison, oldest first."""
        rows = self._rows(select(schema.comparisons).order_by(schema.comparisons.c.id))
        return [
            ComparisonRecord(row.id, time(row.started_at), time_or_none(row.ended_at), row.settings)
            for row in rows
        ]

    def arms(self, comparison: int) -> list[ArmRecord]:
        """The arms of a comparison, each of their nights for itself, as they were named."""
        arms = schema.arms
        query = select(arms).where(arms.c.comparison == comparison).order_by(arms.c.id)
        names = [found.name for found in fields(ArmRecord)]
        rows = self._rows(query)
        return [ArmRecord(**{name: getattr(row, name) for name in names}) for row in rows]

    def nights(self) -> list[NightRecord]:
        """Every night, oldest first."""
        rows = self._rows(select(schema.nights).order_by(schema.nights.c.number))
        return [night_record(row) for row in rows]

    def sessions(self) -> list[SessionRecord]:
        """Every stretch of work of one process, oldest first."""
        rows = self._rows(select(schema.sessions).order_by(schema.sessions.c.id))
        return [
            SessionRecord(row.night, time(row.started_at), time_or_none(row.ended_at), row.active_s)
            for row in rows
        ]

    def spent(self, night: int) -> Spent:
        """What a night has used so far."""
        trials, attempts, sessions = schema.trials.c, schema.attempts.c, schema.sessions.c
        counted = select(func.count().label("trials")).where(
            trials.night == night, trials.number > 0, trials.verdict != Verdict.INTERRUPTED
        )
        active = select(func.coalesce(func.sum(sessions.active_s), 0.0).label("active_s")).where(
            sessions.night == night
        )
        tokens = func.coalesce(attempts.input_tokens, 0) + func.coalesce(attempts.output_tokens, 0)
        unpriced = (tokens > 0) & attempts.cost_usd.is_(None)
        used = (
            select(
                func.coalesce(func.sum(tokens), 0).label("agent_tokens"),
                func.coalesce(func.sum(attempts.cost_usd), 0.0).label("money_usd"),
                func.coalesce(func.sum(unpriced), 0).label("unpriced_calls"),
            )
            .select_from(schema.attempts.join(schema.trials))
            .where(trials.night == night)
        )
        runs = schema.runs.c
        measured = (
            select(func.coalesce(func.sum(runs.duration_s), 0.0).label("device_s"))
            .select_from(schema.runs.join(schema.trials))
            .where(trials.night == night, trials.number > 0, runs.purpose == Purpose.TRIAL)
        )
        usage = self._rows(used)[0]
        return Spent(
            trials=self._rows(counted)[0].trials,
            active_s=self._rows(active)[0].active_s,
            device_s=self._rows(measured)[0].device_s,
            agent_tokens=usage.agent_tokens,
            money_usd=usage.money_usd,
            unpriced_calls=usage.unpriced_calls,
        )

    def _of_chain(self, night: ColumnElement[Any]) -> ColumnElement[bool]:
        """Whether something beside the trials belongs to the nights that are asked for."""
        own = night.in_(self._nights_of_chain)
        return own if self.arm is not None else own | night.is_(None)

    def _study(self) -> StudyRecord:
        found = self._rows(select(schema.study))
        oldest, newest = schema.OLDEST_VERSION, schema.SCHEMA_VERSION
        if len(found) != 1 or not oldest <= found[0].schema_version <= newest:
            raise LedgerError(
                f"{self.path} is a ledger of another version.",
                fix=f"This version reads schemas {oldest} to {newest}.",
            )
        self._version: int = found[0].schema_version
        return study_record(found[0])

    def _trials(
        self, condition: Any, *, newest_first: bool = False, limit: int | None = None
    ) -> list[TrialRecord]:
        number = schema.trials.c.number
        query = select(*TRIAL_COLUMNS).where(condition)
        query = query.order_by(number.desc() if newest_first else number).limit(limit)
        return [trial_record(row) for row in self._rows(query)]

    def _rows(
        self, query: Select[Any], values: Mapping[str, object] | None = None
    ) -> Sequence[Row[Any]]:
        try:
            with self.engine.connect() as connection:
                return connection.execute(query, values).all()
        except DatabaseError as error:
            raise LedgerError(
                f"{self.path} cannot be read: {error.orig}.",
                fix="If it is damaged, put a copy in its place, or move it away to begin anew.",
            ) from error
