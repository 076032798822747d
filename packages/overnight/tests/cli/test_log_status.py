import fcntl
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from overnight.errors import LedgerError, OvernightError
from overnight.layout import Layout
from overnight.ledger import schema
from overnight.report.rows import TrialRow

Call = Callable[..., Any]


def test_log_lists_trials_newest_last(call: Call) -> None:
    lines = call("log").stdout.splitlines()
    assert lines[0].split() == ["trial", "verdict", "val_loss", "gain", "time", "change"]
    assert lines[2].split(maxsplit=5) == ["1", "keep", "0.9", "+0.1", "4m", "30s  a wider model"]
    assert not any(line.endswith(" ") for line in lines)
    assert lines[6].split() == ["5", "proposing", "30s", "under", "way"]


def test_log_shows_foreign_text_literally(call: Call) -> None:
    shown = call("log").stdout
    assert "[bold red]loud[/] :boom:" in shown
    assert all(character.isprintable() or character == "\n" for character in shown)


def test_log_of_the_newest_and_of_some_verdicts(call: Call) -> None:
    def numbers(*options: str) -> list[int]:
        told = call("log", "--json", *options).stdout.splitlines()
        return [json.loads(line)["number"] for line in told]

    assert numbers("-n", "2") == [4, 5]
    assert numbers("--all") == [0, 1, 2, 3, 4, 5]
    assert numbers("--verdict", "keep", "--verdict", "violation") == [0, 1, 3]
    assert numbers("--verdict", "keep", "-n", "1") == [1]
    assert numbers("--verdict", "keep", "--all") == [0, 1]


def test_log_as_json_has_stable_keys_and_nulls(call: Call) -> None:
    result = call("log", "--json")
    assert result.stdout.isascii()
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert all(list(row) == list(TrialRow.__annotations__) for row in rows)
    crash = rows[4]
    assert (crash["value"], crash["gain"], crash["best"]) == (None, None, 0.9)
    assert rows[1]["metrics"] == {"val_loss": 0.9, "peak_vram_mb": 45_000}


def test_status_tells_where_it_stands(call: Call, root: Path) -> None:
    shown = call("status").stdout
    for told in (
        "tiny: minimize val_loss",
        "no; `overnight run` begins or goes on",
        "trial 5: proposing, under way",
        "0.9 (+0.1, 10% better)  trial 1: a wider model",
        "discard 1",
        "night 1: 4 trials",
        "6 trials",
        str(Layout(root).results),
    ):
        assert told in shown
    assert "\x1b" not in shown


def test_status_as_json(call: Call, root: Path) -> None:
    told = json.loads(call("status", "--json").stdout)
    assert told["running"] is False
    assert told["holder"] is None
    assert told["at_hand"][0]["number"] == 5
    assert (told["baseline"]["value"], told["incumbent"]["number"]) == (1.0, 1)
    assert told["gain_percent"] == pytest.approx(10)
    assert told["verdicts"] == {"keep": 1, "discard": 1, "violation": 1, "crash": 1}
    assert told["spent"]["trials"] == 4
    assert told["budget"]["trials"] == 10
    assert told["budget"]["hours"] is None
    assert [row["number"] for row in told["latest"]] == [0, 1, 2, 3, 4]
    assert told["results"] == str(root / ".overnight" / "results.tsv")


def test_status_sees_who_runs_the_study(call: Call, root: Path) -> None:
    lock = Layout(root).lock
    lock.write_text('{"pid": 4711, "host": "gpu", "since": "2026-03-01T22:00:00+00:00"}')
    assert json.loads(call("status", "--json").stdout)["running"] is False
    with lock.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert json.loads(call("status", "--json").stdout)["holder"]["pid"] == 4711
        assert "yes, by process 4711 on gpu since 2026" in call("status").stdout
        lock.write_text("")
        assert "yes, by another process" in call("status").stdout
    assert json.loads(call("status", "--json").stdout)["running"] is False


def test_status_lives_with_a_broken_study_file(call: Call, root: Path) -> None:
    (root / "overnight.toml").write_text("name = ")
    assert "overnight.toml:1: this is not TOML" in call("status").stdout
    assert json.loads(call("status", "--json").stdout)["budget"] is None


def test_a_study_is_found_from_below(call: Call, root: Path) -> None:
    (root / "src" / "deep").mkdir(parents=True)
    expected = call("log").stdout
    assert call("log", study=root / "src" / "deep").stdout == expected
    assert call("log", study=root / "overnight.toml").stdout == expected


def test_no_study_no_ledger_and_a_damaged_one_are_sentences(call: Call, root: Path) -> None:
    ledger = Layout(root).ledger
    ledger.write_bytes(b"x" * 5000)
    with pytest.raises(LedgerError, match=r"cannot be read: file is not a database\. If it"):
        call("status")
    for file in ledger.parent.glob("ledger.db*"):
        file.unlink()
    with pytest.raises(LedgerError, match=r"no ledger at .*`overnight run` makes one"):
        call("log")
    with pytest.raises(OvernightError, match=r"no study in .*--study"):
        call("log", study=root.parent / "elsewhere")


def test_five_thousand_trials_are_read_quickly(call: Call, root: Path) -> None:
    engine = schema.connect(Layout(root).ledger)
    with engine.begin() as connection:
        known = connection.execute(select(schema.trials).where(schema.trials.c.number == 2))
        trial = known.mappings().one()
        many = [{**trial, "number": number} for number in range(6, 5006)]
        connection.execute(insert(schema.trials), many)
    engine.dispose()
    call("log")
    began = time.process_time()
    lines = call("log", "-n", "20").stdout.splitlines()
    assert time.process_time() - began < 0.5
    assert len(lines) == 21
