"""Writing what stands beside the trials: checkpoints, demotions, drift, events.

A demotion is recorded first, with the commit that the branch is at; then the branch moves back;
then that commit is cleared. Whoever finds it later moves the branch.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from overnight.errors import LedgerError
from overnight.ledger import schema, writing
from overnight.ledger.records import DriftRecord
from overnight.ledger.writing import Writer, inserted, next_ordinal
from overnight.types import (
    CheckpointKind,
    EventKind,
    JsonValue,
    Outcome,
    Purpose,
    Validation,
    Verdict,
)


class ValidationWriter(Writer):
    """Checkpoints and audits with their runs, and what is noted between the trials."""

    def run_again(
        self,
        trial: int,
        *,
        checkpoint: int | None,
        purpose: Purpose,
        device: str | None = None,
        block: int | None = None,
    ) -> int:
        """Record that a finished trial's candidate is about to be measured again.

        Args:
            checkpoint: What it is measured for; None where that is only another device.
            block: Of a comparison's last measurement.

        Returns:
            The run's id.
        """
        with self.transaction() as connection:
            return inserted(
                connection,
                schema.runs,
                trial=trial,
                ordinal=next_ordinal(schema.runs, trial),
                started_at=writing.now(),
                purpose=purpose,
                checkpoint=checkpoint,
                device=device,
                block=block,
            )

    def begin_checkpoint(
        self, kind: CheckpointKind, *, night: int | None, after_trial: int, incumbent: int
    ) -> int:
        """Record that a checkpoint or an audit begins; returns its id."""
        with self.transaction() as connection:
            return inserted(
                connection,
                schema.checkpoints,
                night=night,
                kind=kind,
                after_trial=after_trial,
                incumbent=incumbent,
                started_at=writing.now(),
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
        with self.transaction() as connection:
            _end_checkpoint(
                connection, checkpoint, outcome, reason=reason, facts=facts, culprit=culprit
            )

    def abandon_checkpoints(self, *, reason: str) -> None:
        """Close this chain's checkpoints that were cut off, and their runs."""
        checkpoints, runs = schema.checkpoints.c, schema.runs.c
        mine = self._of_chain(checkpoints.night)
        with self.transaction() as connection:
            connection.execute(
                update(schema.checkpoints)
                .where(checkpoints.outcome.is_(None), mine)
                .values(outcome=Validation.INTERRUPTED, reason=reason, finished_at=writing.now())
            )
            connection.execute(
                update(schema.runs)
                .where(
                    runs.outcome.is_(None), runs.checkpoint.in_(select(checkpoints.id).where(mine))
                )
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
        with self.transaction(durable=True) as connection:
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
                    self._chain,
                )
                .values(demoted_after=latest)
                .returning(trials.number)
            )
            return sorted(row.number for row in demoted)

    def finish_demotion(self, checkpoint: int) -> None:
        """Record that the branch has moved back."""
        with self.transaction(durable=True) as connection:
            connection.execute(
                update(schema.checkpoints)
                .where(schema.checkpoints.c.id == checkpoint)
                .values(branch_from=None)
            )

    def record_drift(self, drift: DriftRecord) -> None:
        """Record what was seen of drift after a trial; a second word on it replaces the first."""
        values = {**asdict(drift), "signals": [dict(signal) for signal in drift.signals]}
        with self.transaction() as connection:
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
        with self.transaction() as connection:
            return inserted(
                connection,
                schema.events,
                at=writing.now(),
                night=night,
                trial=trial,
                kind=kind,
                text=text,
                details=dict(details or {}),
            )


def _end_checkpoint(
    connection: Connection, checkpoint: int, outcome: Validation, **values: Any
) -> None:
    checkpoints = schema.checkpoints.c
    ended = connection.execute(
        update(schema.checkpoints)
        .where(checkpoints.id == checkpoint, checkpoints.outcome.is_(None))
        .values(outcome=outcome, finished_at=writing.now(), **values)
    )
    if ended.rowcount != 1:
        raise LedgerError(f"Checkpoint {checkpoint} is not under way; nothing was written.")
