"""Ledgers of an earlier version: readable as they are, brought up to date before they are written.

A version only adds columns, and those are NULL in what was recorded before.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.pool import ConnectionPoolEntry

from overnight.errors import LedgerError
from overnight.ledger import schema


def show_added_columns(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    """Let a connection see the columns that a ledger lacks, as NULL; nothing is written."""
    for table, columns in _lacking(connection):
        added = ", ".join(f'NULL AS "{column}"' for column in columns)
        connection.execute(f"CREATE TEMP VIEW {table} AS SELECT *, {added} FROM main.{table}")  # noqa: S608 (our own names)


def bring_up_to_date(path: Path) -> None:
    """Add those columns to the ledger itself, all or none.

    Raises:
        LedgerError: It cannot be written.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            for table, columns in list(_lacking(connection)):
                for column in columns:
                    kind = schema.metadata.tables[table].columns[column].type.compile(dialect())
                    connection.execute(f'ALTER TABLE {table} ADD COLUMN "{column}" {kind}')
            connection.execute("UPDATE study SET schema_version = ?", (schema.SCHEMA_VERSION,))
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise LedgerError(f"{path} cannot be brought up to date: {error}.") from error


def _lacking(connection: sqlite3.Connection) -> Iterator[tuple[str, list[str]]]:
    """Each table of an earlier version with the columns that it does not have yet."""
    [version] = connection.execute("SELECT schema_version FROM study").fetchone() or [None]
    if version is None or not schema.OLDEST_VERSION <= version < schema.SCHEMA_VERSION:
        return
    for name, table in schema.metadata.tables.items():
        known = {row[1] for row in connection.execute(f"PRAGMA main.table_info({name})")}
        columns = [column.name for column in table.columns if column.name not in known]
        if columns:
            yield name, columns
