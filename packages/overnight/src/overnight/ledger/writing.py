"""What all that is written to a ledger has in common: one transaction a method, and its errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, ScalarSelect, Table, func, insert, select
from sqlalchemy.exc import DatabaseError

from overnight.errors import LedgerError
from overnight.ledger import schema
from overnight.ledger.queries import LedgerReader
from overnight.ledger.versions import bring_up_to_date


class Writer(LedgerReader):
    """A ledger opened for writing; one process at a time, under the study's lock.

    Args:
        path: The database file.
        arm: The arm of a comparison whose trials are there; left out: the study's own are.
    """

    def __init__(self, path: Path, *, arm: int | None = None) -> None:
        super().__init__(path, arm=arm)
        self._listed = self._chain
        if self._version < schema.SCHEMA_VERSION:
            self.close()  # its connections see the ledger as it was
            bring_up_to_date(path)

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[Connection]:
        """One transaction, of one writer at a time; a durable one is on the disk when it ends."""
        try:
            with self.engine.connect() as connection:
                if durable:
                    connection.exec_driver_sql("PRAGMA synchronous=FULL")
                connection.exec_driver_sql("BEGIN IMMEDIATE")  # so that what it reads stays so
                yield connection
                connection.commit()
                if durable:
                    connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
        except DatabaseError as error:
            raise LedgerError(f"{self.path} refused a write: {error.orig}.") from error


def next_ordinal(table: Table, trial: int) -> ScalarSelect[int]:
    """The number of a trial's next row."""
    return select(func.count() + 1).where(table.c.trial == trial).scalar_subquery()


def inserted(connection: Connection, table: Any, **values: Any) -> int:
    """Write a row; returns its key."""
    key = connection.execute(insert(table).values(**values)).inserted_primary_key
    if key is None:
        raise LedgerError(f"{table.name} gave no key for a new row.")
    return int(key[0])


def now() -> str:
    """The present as the ledger writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
