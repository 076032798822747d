"""The one writer of the ledger, made whole of its parts, and the making of a new one."""

import os
import socket
import uuid
from dataclasses import replace
from pathlib import Path

from sqlalchemy import insert, select, update
from sqlalchemy.exc import DatabaseError

from overnight.errors import LedgerError
from overnight.ledger import schema, writing
from overnight.ledger.comparing import ComparisonWriter
from overnight.ledger.trials import TrialWriter
from overnight.ledger.validations import ValidationWriter
from overnight.ledger.writing import inserted
from overnight.types import Objective, State


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
                    created_at=writing.now(),
                )
            )
    except DatabaseError as error:
        raise LedgerError(f"{path} cannot be written: {error.orig}.") from error
    finally:
        engine.dispose()
    unfinished.replace(path)


class Ledger(TrialWriter, ValidationWriter, ComparisonWriter):
    """A ledger opened for writing; one process at a time, under the study's lock."""

    def begin_session(self) -> tuple[int, int]:
        """Go on with the unfinished night, or begin a new one.

        Returns:
            The night's number and the session's id.
        """
        with self.transaction() as connection:
            nights = schema.nights.c
            unfinished = select(nights.number).where(nights.ended_at.is_(None))
            night = connection.execute(unfinished.where(nights.arm == self.arm)).scalar()
            if night is None:
                begun = {"arm": self.arm, "started_at": writing.now()}
                night = inserted(connection, schema.nights, **begun)
            session = inserted(
                connection,
                schema.sessions,
                night=night,
                host=socket.gethostname(),
                pid=os.getpid(),
                started_at=writing.now(),
                active_s=0.0,
            )
        return night, session

    def touch_session(self, session: int, *, active_s: float) -> None:
        """Record for how long a session has been at work."""
        with self.transaction() as connection:
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
        with self.transaction() as connection:
            connection.execute(update(schema.study).values(baseline_commit=commit))
            connection.execute(
                update(schema.trials).values(
                    commit=None, tree=None, parent_commit=commit, state=State.PROPOSING
                )
            )
        self.study = replace(self.study, baseline_commit=commit)

    def end_session(self, session: int, *, active_s: float, end_night: str | None = None) -> None:
        """Close a session, and its night too when its work came to an end."""
        with self.transaction() as connection:
            row = connection.execute(
                update(schema.sessions)
                .where(schema.sessions.c.id == session)
                .values(ended_at=writing.now(), active_s=active_s)
                .returning(schema.sessions.c.night)
            ).one()
            if end_night is not None:
                connection.execute(
                    update(schema.nights)
                    .where(schema.nights.c.number == row.night)
                    .values(ended_at=writing.now(), end_reason=end_night)
                )
