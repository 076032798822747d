"""``results.tsv``: what the ledger says, in autoresearch's five columns."""

import csv
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overnight.ledger.store import Ledger
from overnight.ledger.tsv import ResultsFile
from overnight.types import Draft, Judgement, Verdict

Finish = Callable[..., int]
COLUMNS = ["commit", "val_loss", "memory_gb", "status", "description"]


@pytest.fixture
def results(ledger: Ledger, tmp_path: Path) -> ResultsFile:
    return ResultsFile(tmp_path / "results.tsv", ledger)


def rows(results: ResultsFile) -> list[list[str]]:
    with results.path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    assert header == COLUMNS
    return rows


def test_begins_with_the_header(results: ResultsFile) -> None:
    results.update()
    assert rows(results) == []


def test_a_row_is_what_the_ledger_says(results: ResultsFile, finish: Finish) -> None:
    number = finish(
        Verdict.KEEP, value=0.123456789, metrics={"val_loss": 0.1, "peak_vram_mb": 45_060.2}
    )
    results.update()
    assert rows(results) == [[f"{number:040x}"[:7], "0.123457", "44.0", "keep", "an idea"]]


@pytest.mark.parametrize("verdict", [one for one in Verdict if one is not Verdict.INTERRUPTED])
def test_status_is_one_of_three(results: ResultsFile, finish: Finish, verdict: Verdict) -> None:
    finish(verdict)
    results.update()
    limits = {Verdict.OUT_OF_MEMORY, Verdict.TOO_MANY_PROCESSES, Verdict.OUT_OF_DISK}
    crashes = {Verdict.CRASH, Verdict.TIMEOUT, Verdict.NO_METRIC, Verdict.TAMPERED} | limits
    status = "keep" if verdict is Verdict.KEEP else "crash" if verdict in crashes else "discard"
    assert rows(results)[0][3] == status


def test_an_interrupted_trial_has_no_row(results: ResultsFile, finish: Finish) -> None:
    finish(Verdict.INTERRUPTED)
    finish(Verdict.DISCARD, title="the next")
    results.update()
    assert [row[4] for row in rows(results)] == ["the next"]


def test_a_missing_number_is_empty_and_never_0(results: ResultsFile, finish: Finish) -> None:
    finish(Verdict.CRASH, value=None)
    results.update()
    assert rows(results)[0][1:3] == ["", ""]


def test_without_a_title_the_reason_describes_it(results: ResultsFile, finish: Finish) -> None:
    finish(Verdict.CRASH, title="", reason="exit code 1")
    results.update()
    assert rows(results)[0][4] == "exit code 1"


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text() | st.sampled_from(["a\tb", "a\nb\r\nc", "\x1b[31mred", '"quoted', "\u2028"]))
def test_any_title_stays_in_its_field(results: ResultsFile, finish: Finish, title: str) -> None:
    finish(title=title)
    results.update()
    last = rows(results)[-1]
    assert len(last) == len(COLUMNS)
    assert last[4] == "" or last[4].isprintable()


def test_whoever_follows_the_file_sees_rows_appended(results: ResultsFile, finish: Finish) -> None:
    results.update()
    with results.path.open(encoding="utf-8") as follower:
        follower.read()
        for title in ("one", "two"):
            finish(title=title)
            results.update()
            results.update()
            assert follower.read().count(title) == 1
        assert follower.read() == ""


def test_a_trial_under_way_is_waited_for(
    results: ResultsFile, ledger: Ledger, finish: Finish
) -> None:
    finish(title="one")
    under_way = ledger.open_trial(night=1, parent_commit="a", researcher="r", model=None)
    results.update()
    assert [row[4] for row in rows(results)] == ["one"]
    ledger.close_trial(under_way.number, Judgement(Verdict.DISCARD, "Worse."), draft=Draft("two"))
    finish(title="three")
    results.update()
    assert [row[4] for row in rows(results)] == ["one", "two", "three"]


@pytest.mark.parametrize("harm", ["deleted", "emptied", "shortened", "lengthened", "same size"])
def test_is_written_anew_where_somebody_wrote_it(
    results: ResultsFile, finish: Finish, harm: str
) -> None:
    finish(title="one")
    results.update()
    path, text = results.path, results.path.read_text(encoding="utf-8")
    changed = {
        "emptied": "",
        "shortened": text[:-5],
        "lengthened": text + "more\n",
        "same size": text.replace("one", "two"),
    }
    if harm == "deleted":
        path.unlink()
    else:
        path.write_text(changed[harm], encoding="utf-8")
        os.utime(path, ns=(0, 0))
    finish(title="next")
    results.update()
    assert [row[4] for row in rows(results)] == ["one", "next"]


def test_a_restart_says_the_same(results: ResultsFile, ledger: Ledger, finish: Finish) -> None:
    for verdict in (Verdict.KEEP, Verdict.CRASH, Verdict.INTERRUPTED, Verdict.DISCARD):
        finish(verdict)
        results.update()
    live = results.path.read_bytes()
    ResultsFile(results.path, ledger).update()
    assert results.path.read_bytes() == live
