"""Ledgers of an earlier version: read as they are, brought up to date when they are written."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from overnight.errors import LedgerError
from overnight.ledger import schema
from overnight.ledger.queries import LedgerReader
from overnight.ledger.store import Ledger
from overnight.report.rows import trial_rows
from overnight.types import UNTIMED, Judgement, Phases, Verdict

ADDED = {
    "trials": ("thinking_s", "guards_s", "measuring_s", "idle_s"),
    "runs": ("device", "block"),
    "attempts": ("priced_by",),
}


@pytest.fixture
def old(ledger: Ledger, finish: Callable[..., int], path: Path) -> Path:
    """A ledger as version 2 left it, with two trials."""
    finish(Verdict.KEEP)
    finish(Verdict.DISCARD, value=2.0)
    ledger.close()
    with closing(sqlite3.connect(path)) as connection:
        for table, columns in ADDED.items():
            for column in columns:
                connection.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        connection.execute("UPDATE study SET schema_version = 2")
        connection.commit()
    return path


def columns(path: Path, table: str) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def test_an_older_ledger_is_read_and_what_it_does_not_hold_is_not_known(old: Path) -> None:
    with closing(LedgerReader(old)) as reader:
        assert [trial.phases for trial in reader.trials()] == [UNTIMED, UNTIMED]
        assert [(run.device, run.metrics) for run in reader.all_runs()] == [
            (None, {"val_loss": 1.0}),
            (None, {"val_loss": 2.0}),
        ]
        assert [row["idle_s"] for row in trial_rows(reader)] == [None, None]
    assert "idle_s" not in columns(old, "trials"), "whoever reads writes nothing"


def test_it_is_brought_up_to_date_when_it_is_written(old: Path) -> None:
    with closing(LedgerReader(old)) as reading, closing(Ledger(old)) as ledger:
        assert [trial.value for trial in ledger.trials()] == [1.0, 2.0]
        trial = ledger.open_trial(night=1, parent_commit="a", researcher="r", model=None)
        phases = Phases(1.0, 2.0, 3.0, 4.0)
        ledger.close_trial(trial.number, Judgement(Verdict.INTERRUPTED, "."), phases=phases)
        assert reading.trial(trial.number).phases in (phases, UNTIMED), "an open reader goes on"
    for table in ADDED:
        assert set(columns(old, table)) == set(schema.metadata.tables[table].columns.keys())
    with closing(LedgerReader(old)) as reader:
        assert reader.trial(trial.number).phases == phases


def test_one_that_cannot_be_written_is_told(old: Path) -> None:
    with closing(sqlite3.connect(old)) as other:
        other.execute(
            "create trigger still before update on study begin select raise(abort, 'x'); end"
        )
    with pytest.raises(LedgerError, match="cannot be brought up to date: x"):
        Ledger(old)
    assert "idle_s" not in columns(old, "trials"), "all or nothing"
