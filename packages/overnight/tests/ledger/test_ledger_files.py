"""Files that are no ledger: a sentence with a fix, never another program's error."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from overnight.errors import LedgerError
from overnight.ledger.queries import LedgerReader
from overnight.ledger.store import Ledger

OPENERS = pytest.mark.parametrize("opener", [LedgerReader, Ledger])


@OPENERS
def test_no_file(opener: type[LedgerReader], tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"There is no ledger at .* `overnight run` makes one"):
        opener(tmp_path / "ledger.db")
    assert list(tmp_path.iterdir()) == []


@OPENERS
@pytest.mark.parametrize(
    "content", [b"", b"not a database at all " * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_file_of_something_else(
    opener: type[LedgerReader], tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    with pytest.raises(LedgerError, match=r"cannot be read: .* put a copy in its place"):
        opener(path)


def test_another_programs_database(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("create table study (id text)")
    with pytest.raises(LedgerError, match="cannot be read: no such column"):
        LedgerReader(path)


@OPENERS
@pytest.mark.parametrize(
    "change", ["update study set schema_version = 99", "delete from study"], ids=["newer", "empty"]
)
def test_a_ledger_of_another_version(opener: type[LedgerReader], path: Path, change: str) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute(change)
        other.commit()
    with pytest.raises(LedgerError, match=r"another version\. This version reads schemas 2 to 3"):
        opener(path)


def test_a_ledger_that_breaks_while_it_is_open(ledger: Ledger, path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("drop table attempts")
        other.execute("alter table trials rename to elsewhere")
    with pytest.raises(LedgerError, match="cannot be read: no such table"):
        ledger.trials()
    with pytest.raises(LedgerError, match="refused a write"):
        ledger.open_trial(night=1, parent_commit="a", researcher="r", model=None)


def test_a_disk_that_takes_no_more(ledger: Ledger, path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute(
            "create trigger full before insert on trials begin select raise(abort, 'x'); end"
        )
    with pytest.raises(LedgerError, match="refused a write: x"):
        ledger.open_trial(night=1, parent_commit="a", researcher="r", model=None)
    assert ledger.trials() == []
