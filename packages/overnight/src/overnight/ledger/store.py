"""The one writer of the ledger. Each method is one transaction and refuses what cannot be.

A trial goes proposing -> measuring -> done, or from either straight to done. A keep is recorded
first as an intent (verdict ``keep``, state still ``measuring``), then the branch moves, then the
trial is done: whoever finds an intent later knows which of the two came last, and can only finish
it.
"""

import os
import socket
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    ScalarSelect,
    Table,
    Update,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import DatabaseError

from overnight.errors import LedgerError
from overnight.ledger import schema
from overnight.ledger.queries import TRIAL_COLUMNS, LedgerReader, trial_record
from overnight.ledger.records import Attempt, DriftRecord, TrialRecord
from overnight.types import (
    CheckpointKind,
    DiffStat,
    Draft,
    EventKind,
    JsonValue,
    Judgement,
    Objective,
    Outcome,
    Purpose,
    Run,
    State,
    Validation,
    Verdict,
)


def create_ledger(path: Path, *, name: str, objective: Objective, baseline_commit: str) -> None:
    """Make a ledger for a study, whole or not at all; an existing one is left alone."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    engine = schema.connect(unfinished)
    try:
        schema.metadata.create_all(engine)
        with engine.begin() as connection:
            connection.execute(
                insert(schema.study).values(
                    id=uuid.uuid4().hex,
                    schema_version=schema.SCHEMA_VERSION,
                    name=name,
                    metric=objective.metric,
                    goal=objective.goal,
                    baseline_commit=baseline_commit,
                    created_at=_now(),
                )
            )
    except DatabaseError as error:
        raise LedgerError(f"{path} cannot be written: {error.orig}.") from error
    finally:
        engine.dispose()
    unfinished.replace(path)


class Ledger(LedgerReader):
    """A ledger opened for writing; one process at a time, under the study's lock."""

    def begin_session(self) -> tuple[int, int]:
        """Go on with the unfinished night, or begin a new one.

        Returns:
            The night's number and the session's id.
        """
        with self._transaction() as connection:
            unfinished = select(schema.nights.c.number).where(schema.nights.c.ended_at.is_(None))
            night = connection.execute(unfinished).scalar()
            if night is None:
                night = _inserted(connection, schema.nights, started_at=_now())
            session = _inserted(
                connection,
                schema.sessions,
                night=night,
                host=socket.gethostname(),
                pid=os.getpid(),
                started_at=_now(),
                active_s=0.0,
            )
        return night, session

    def touch_session(self, session: int, *, active_s: float) -> None:
        """Record for how long a session has been at work."""
        with self._transaction() as connection:
            connection.execute(
                update(schema.sessions)
                .where(schema.sessions.c.id == session)
                .values(active_s=active_s)
            )

    def replace_baseline(self, commit: str) -> None:
        """Start from another commit; only while no baseline has been measured.

        Raises:
            LedgerError: There is one.
        """
        if self.incumbent() is not None:
            raise LedgerError("A measured baseline cannot be replaced.")
        with self._transaction() as connection:
            connection.execute(update(schema.study).values(baseline_commit=commit))
            connection.execute(
                update(schema.trials).values(
                    commit=None, tree=None, parent_commit=commit, state=State.PROPOSING
                )
            )
        self.study = replace(self.study, baseline_commit=commit)

    def end_session(self, session: int, *, active_s: float, end_night: str | None = None) -> None:
        """Close a session, and its night too when its work came to an end."""
        with self._transaction() as connection:
            row = connection.execute(
                update(schema.sessions)
                .where(schema.sessions.c.id == session)
                .values(ended_at=_now(), active_s=active_s)
                .returning(schema.sessions.c.night)
            ).one()
            if end_night is not None:
                connection.execute(
                    update(schema.nights)
                    .where(schema.nights.c.number == row.night)
                    .values(ended_at=_now(), end_reason=end_night)
                )

    def open_trial(
        self, *, night: int, parent_commit: str, researcher: str, model: str | None
    ) -> TrialRecord:
        """Begin the next trial, in state proposing."""
        created_at = _now()
        with self._transaction() as connection:
            number = connection.execute(select(func.max(schema.trials.c.number) + 1)).scalar() or 0
            trial = TrialRecord(
                number=number,
                night=night,
                state=State.PROPOSING,
                researcher=researcher,
                model=model,
                parent_commit=parent_commit,
                created_at=datetime.fromisoformat(created_at),
            )
            connection.execute(
                insert(schema.trials).values(
                    number=number,
                    night=night,
                    state=State.PROPOSING,
                    researcher=researcher,
                    model=model,
                    parent_commit=parent_commit,
                    created_at=created_at,
                )
            )
        return trial

    def record_attempt(self, trial: int, attempt: Attempt) -> None:
        """Record one call of the researcher."""
        with self._transaction() as connection:
            connection.execute(
                insert(schema.attempts).values(
                    trial=trial,
                    ordinal=_next_ordinal(schema.attempts, trial),
                    started_at=attempt.started_at.isoformat(timespec="milliseconds"),
                    duration_s=attempt.duration_s,
                    outcome=attempt.outcome,
                    message=attempt.message,
                    commands=list(attempt.commands),
                    refused=list(attempt.refused),
                    **asdict(attempt.usage),
                )
            )

    def record_proposal(self, trial: int, draft: Draft, *, commit: str, tree: str) -> None:
        """Record what was proposed, before the guards have seen it."""
        with self._transaction() as connection:
            _change_state(
                connection,
                trial,
                _open(trial, State.PROPOSING).where(schema.trials.c.commit.is_(None)),
                **_said(draft),
                commit=commit,
                tree=tree,
                proposed_at=_now(),
            )

    def run_again(self, trial: int, *, checkpoint: int, purpose: Purpose) -> int:
        """Record that a finished trial's candidate is about to be measured again.

        Returns:
            The run's id.
        """
        with self._transaction() as connection:
            return _inserted(
                connection,
                schema.runs,
                trial=trial,
                ordinal=_next_ordinal(schema.runs, trial),
                started_at=_now(),
                purpose=purpose,
                checkpoint=checkpoint,
            )

    def begin_run(self, trial: int, *, from_state: State) -> int:
        """Record that the measured command is about to run; returns the run's id."""
        with self._transaction() as connection:
            proposed = _open(trial, from_state).where(schema.trials.c.commit.is_not(None))
            _change_state(connection, trial, proposed, state=State.MEASURING)
            return _inserted(
                connection,
                schema.runs,
                trial=trial,
                ordinal=_next_ordinal(schema.runs, trial),
                started_at=_now(),
            )

    def end_run(self, run_id: int, run: Run) -> None:
        """Record how the measured command ended, before it is judged."""
        with self._transaction() as connection:
            ended = connection.execute(
                update(schema.runs)
                .where(schema.runs.c.id == run_id, schema.runs.c.outcome.is_(None))
                .values(
                    outcome=run.outcome,
                    reason=run.reason,
                    exit_code=run.exit_code,
                    duration_s=run.duration_s,
                    output_bytes=run.output_bytes,
                    metrics=dict(run.metrics),
                    trust=run.trust,
                )
            )
            if ended.rowcount != 1:
                raise LedgerError(f"Run {run_id} is not under way; nothing was written.")

    def abandon_runs(self, trial: int, *, reason: str) -> None:
        """Mark the runs of a trial that were cut off."""
        with self._transaction() as connection:
            connection.execute(
                update(schema.runs)
                .where(schema.runs.c.trial == trial, schema.runs.c.outcome.is_(None))
                .values(outcome=Outcome.INTERRUPTED, reason=reason)
            )

    def close_trial(
        self,
        trial: int,
        judgement: Judgement,
        *,
        value: float | None = None,
        to_beat: float | None = None,
        draft: Draft | None = None,
        size: DiffStat | None = None,
    ) -> TrialRecord:
        """Give a trial its final verdict, any but keep.

        Args:
            to_beat: The incumbent's value that it was judged against.
            draft: What was said of a change that came to no candidate.
            size: Lines that the candidate adds and removes.

        Returns:
            The trial as it is now.
        """
        if judgement.verdict is Verdict.KEEP:
            raise LedgerError(f"Trial {trial}: a keep is recorded by intent, then done.")
        known = _said(draft) if draft is not None else {}
        if size is not None:
            known |= {"lines_added": size.added, "lines_removed": size.removed}
        with self._transaction() as connection:
            return _finish(
                connection,
                trial,
                _open(trial),
                verdict=judgement.verdict,
                reason=judgement.reason,
                value=value,
                to_beat=to_beat,
                **known,
            )

    def intend_keep(
        self,
        trial: int,
        judgement: Judgement,
        *,
        value: float,
        size: DiffStat,
        to_beat: float | None = None,
    ) -> None:
        """Record that the branch is about to move to a trial's commit; survives a power cut."""
        if judgement.verdict is not Verdict.KEEP:
            raise LedgerError(f"Trial {trial}: {judgement.verdict} is no keep.")
        with self._transaction(durable=True) as connection:
            _change_state(
                connection,
                trial,
                _open(trial, State.MEASURING),
                verdict=Verdict.KEEP,
                reason=judgement.reason,
                value=value,
                to_beat=to_beat,
                lines_added=size.added,
                lines_removed=size.removed,
            )

    def finish_keep(self, trial: int) -> TrialRecord:
        """Record that the branch has moved to a trial's commit; returns the trial as it is now."""
        with self._transaction(durable=True) as connection:
            trials = schema.trials.c
            intended = (trials.state == State.MEASURING) & (trials.verdict == Verdict.KEEP)
            change = update(schema.trials).where(trials.number == trial, intended)
            return _finish(connection, trial, change)

    def begin_checkpoint(
        self, kind: CheckpointKind, *, night: int | None, after_trial: int, incumbent: int
    ) -> int:
        """Record that a checkpoint or an audit begins; returns its id."""
        with self._transaction() as connection:
            return _inserted(
                connection,
                schema.checkpoints,
                night=night,
                kind=kind,
                after_trial=after_trial,
                incumbent=incumbent,
                started_at=_now(),
            )

    def end_checkpoint(
        self,
        checkpoint: int,
        outcome: Validation,
        *,
        reason: str,
        facts: Mapping[str, JsonValue],
        culprit: int | None = None,
    ) -> None:
        """Record what a checkpoint found."""
        with self._transaction() as connection:
            _end_checkpoint(
                connection, checkpoint, outcome, reason=reason, facts=facts, culprit=culprit
            )

    def abandon_checkpoints(self, *, reason: str) -> None:
        """Close the checkpoints that were cut off, and their runs."""
        with self._transaction() as connection:
            under_way = schema.checkpoints.c.outcome.is_(None)
            connection.execute(
                update(schema.checkpoints)
                .where(under_way)
                .values(outcome=Validation.INTERRUPTED, reason=reason, finished_at=_now())
            )
            runs = schema.runs.c
            connection.execute(
                update(schema.runs)
                .where(runs.checkpoint.is_not(None), runs.outcome.is_(None))
                .values(outcome=Outcome.INTERRUPTED, reason=reason)
            )

    def intend_demotion(
        self,
        checkpoint: int,
        *,
        culprit: int,
        branch_from: str,
        reason: str,
        facts: Mapping[str, JsonValue],
    ) -> list[int]:
        """Demote a keep and every keep built on it, before the branch moves back.

        Args:
            branch_from: Where the branch is now.

        Returns:
            The numbers of the demoted trials.
        """
        trials = schema.trials.c
        with self._transaction(durable=True) as connection:
            _end_checkpoint(
                connection,
                checkpoint,
                Validation.REFUTED,
                reason=reason,
                facts=facts,
                culprit=culprit,
                branch_from=branch_from,
            )
            latest = select(func.max(trials.number)).scalar_subquery()
            demoted = connection.execute(
                update(schema.trials)
                .where(
                    trials.verdict == Verdict.KEEP,
                    trials.demoted_after.is_(None),
                    trials.number >= max(culprit, 1),
                )
                .values(demoted_after=latest)
                .returning(trials.number)
            )
            return sorted(row.number for row in demoted)

    def finish_demotion(self, checkpoint: int) -> None:
        """Record that the branch has moved back."""
        with self._transaction(durable=True) as connection:
            connection.execute(
                update(schema.checkpoints)
                .where(schema.checkpoints.c.id == checkpoint)
                .values(branch_from=None)
            )

    def record_drift(self, drift: DriftRecord) -> None:
        """Record what was seen of drift after a trial; a second word on it replaces the first."""
        values = {**asdict(drift), "signals": [dict(signal) for signal in drift.signals]}
        with self._transaction() as connection:
            connection.execute(delete(schema.drift).where(schema.drift.c.trial == drift.trial))
            connection.execute(insert(schema.drift).values(**values))

    def record_event(
        self,
        kind: EventKind,
        text: str = "",
        *,
        night: int | None = None,
        trial: int | None = None,
        details: Mapping[str, JsonValue] | None = None,
    ) -> int:
        """Record something that happened beside the trials; returns its id."""
        with self._transaction() as connection:
            return _inserted(
                connection,
                schema.events,
                at=_now(),
                night=night,
                trial=trial,
                kind=kind,
                text=text,
                details=dict(details or {}),
            )

    @contextmanager
    def _transaction(self, *, durable: bool = False) -> Iterator[Connection]:
        """One transaction; a durable one is on the disk when it ends."""
        try:
            with self.engine.connect() as connection:
                if durable:
                    connection.exec_driver_sql("PRAGMA synchronous=FULL")
                yield connection
                connection.commit()
                if durable:
                    connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
        except DatabaseError as error:
            raise LedgerError(f"{self.path} refused a write: {error.orig}.") from error


def _next_ordinal(table: Table, trial: int) -> ScalarSelect[int]:
    return select(func.count() + 1).where(table.c.trial == trial).scalar_subquery()


def _open(trial: int, state: State | None = None) -> Update:
    """A change of a trial that has no verdict yet, not even an intended one."""
    trials = schema.trials.c
    change = update(schema.trials).where(trials.number == trial, trials.verdict.is_(None))
    return change if state is None else change.where(trials.state == state)


def _said(draft: Draft) -> dict[str, Any]:
    return {
        "title": draft.title,
        "rationale": draft.rationale,
        "details": dict(draft.details),
        "target": draft.target,
    }


def _end_checkpoint(
    connection: Connection, checkpoint: int, outcome: Validation, **values: Any
) -> None:
    checkpoints = schema.checkpoints.c
    ended = connection.execute(
        update(schema.checkpoints)
        .where(checkpoints.id == checkpoint, checkpoints.outcome.is_(None))
        .values(outcome=outcome, finished_at=_now(), **values)
    )
    if ended.rowcount != 1:
        raise LedgerError(f"Checkpoint {checkpoint} is not under way; nothing was written.")


def _change_state(connection: Connection, trial: int, change: Update, **values: Any) -> None:
    if connection.execute(change.values(**values)).rowcount != 1:
        raise _refusal(connection, trial)


def _finish(connection: Connection, trial: int, change: Update, **values: Any) -> TrialRecord:
    done = change.values(state=State.DONE, finished_at=_now(), **values).returning(*TRIAL_COLUMNS)
    row = connection.execute(done).first()
    if row is None:
        raise _refusal(connection, trial)
    return trial_record(row)


def _refusal(connection: Connection, trial: int) -> LedgerError:
    columns = (schema.trials.c.state, schema.trials.c.verdict, schema.trials.c.commit)
    found = connection.execute(select(*columns).where(schema.trials.c.number == trial)).first()
    if found is None:
        return LedgerError(f"There is no trial {trial}; nothing was written.")
    verdict = f", verdict {found.verdict}" if found.verdict else ""
    proposal = "a proposal" if found.commit else "no proposal"
    return LedgerError(
        f"Trial {trial} cannot go on so: it is {found.state} with {proposal}{verdict};"
        " nothing was written."
    )


def _inserted(connection: Connection, table: Any, **values: Any) -> int:
    key = connection.execute(insert(table).values(**values)).inserted_primary_key
    if key is None:
        raise LedgerError(f"{table.name} gave no key for a new row.")
    return int(key[0])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
