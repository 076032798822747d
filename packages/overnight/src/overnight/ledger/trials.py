"""Writing trials: each method is one transaction and refuses what cannot be.

A trial goes proposing -> measuring -> done, or from either straight to done. A keep is recorded
first as an intent (verdict ``keep``, state still ``measuring``), then the branch moves, then the
trial is done: whoever finds an intent later knows which of the two came last, and can only finish
it.
"""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Update, func, insert, select, update

from overnight.errors import LedgerError
from overnight.ledger import schema, writing
from overnight.ledger.queries import TRIAL_COLUMNS
from overnight.ledger.records import Attempt, TrialRecord
from overnight.ledger.rows import trial_record
from overnight.ledger.writing import Writer, inserted, next_ordinal
from overnight.types import (
    UNTIMED,
    DiffStat,
    Draft,
    Judgement,
    Outcome,
    Phases,
    Run,
    State,
    Verdict,
)


class TrialWriter(Writer):
    """The life of a trial, from its opening to its verdict."""

    def open_trial(
        self, *, night: int, parent_commit: str, researcher: str, model: str | None
    ) -> TrialRecord:
        """Begin the next trial, in state proposing."""
        created_at = writing.now()
        with self.transaction() as connection:
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
        with self.transaction() as connection:
            connection.execute(
                insert(schema.attempts).values(
                    trial=trial,
                    ordinal=next_ordinal(schema.attempts, trial),
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
        with self.transaction() as connection:
            _change_state(
                connection,
                trial,
                _open(trial, State.PROPOSING).where(schema.trials.c.commit.is_(None)),
                **_said(draft),
                commit=commit,
                tree=tree,
                proposed_at=writing.now(),
            )

    def begin_run(self, trial: int, *, from_state: State, device: str | None = None) -> int:
        """Record that the measured command is about to run; returns the run's id."""
        with self.transaction() as connection:
            proposed = _open(trial, from_state).where(schema.trials.c.commit.is_not(None))
            _change_state(connection, trial, proposed, state=State.MEASURING)
            return inserted(
                connection,
                schema.runs,
                trial=trial,
                ordinal=next_ordinal(schema.runs, trial),
                started_at=writing.now(),
                device=device,
            )

    def end_run(self, run_id: int, run: Run) -> None:
        """Record how the measured command ended, before it is judged."""
        with self.transaction() as connection:
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
        with self.transaction() as connection:
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
        phases: Phases = UNTIMED,
    ) -> TrialRecord:
        """Give a trial its final verdict, any but keep.

        Args:
            to_beat: The incumbent's value that it was judged against.
            draft: What was said of a change that came to no candidate.
            size: Lines that the candidate adds and removes.
            phases: Where its time went.

        Returns:
            The trial as it is now.
        """
        if judgement.verdict is Verdict.KEEP:
            raise LedgerError(f"Trial {trial}: a keep is recorded by intent, then done.")
        known = _said(draft) if draft is not None else {}
        if size is not None:
            known |= {"lines_added": size.added, "lines_removed": size.removed}
        with self.transaction() as connection:
            return _finish(
                connection,
                trial,
                _open(trial),
                verdict=judgement.verdict,
                reason=judgement.reason,
                value=value,
                to_beat=to_beat,
                **asdict(phases),
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
        phases: Phases = UNTIMED,
    ) -> None:
        """Record that the branch is about to move to a trial's commit; survives a power cut."""
        if judgement.verdict is not Verdict.KEEP:
            raise LedgerError(f"Trial {trial}: {judgement.verdict} is no keep.")
        with self.transaction(durable=True) as connection:
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
                **asdict(phases),
            )

    def finish_keep(self, trial: int) -> TrialRecord:
        """Record that the branch has moved to a trial's commit; returns the trial as it is now."""
        with self.transaction(durable=True) as connection:
            trials = schema.trials.c
            intended = (trials.state == State.MEASURING) & (trials.verdict == Verdict.KEEP)
            change = update(schema.trials).where(trials.number == trial, intended)
            return _finish(connection, trial, change)


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


def _change_state(connection: Connection, trial: int, change: Update, **values: Any) -> None:
    if connection.execute(change.values(**values)).rowcount != 1:
        raise _refusal(connection, trial)


def _finish(connection: Connection, trial: int, change: Update, **values: Any) -> TrialRecord:
    done = change.values(state=State.DONE, finished_at=writing.now(), **values).returning(
        *TRIAL_COLUMNS
    )
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
