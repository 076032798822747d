from collections.abc import Callable
from pathlib import Path

import pytest

from overnight.ledger.queries import LedgerReader
from overnight.report.rows import trial_rows
from overnight.testing.nights import MEASURE_S, PROPOSE_S, NightWriter
from overnight.types import Goal, Usage, Verdict


def test_gain_is_over_the_incumbent_of_that_moment(reader: LedgerReader) -> None:
    rows = trial_rows(reader)
    assert [row["incumbent"] for row in rows] == [None, 0, 1, 1, 1, 1, 1, 1, 1, 8]
    gains = {row["number"]: row["gain"] for row in rows if row["gain"] is not None}
    assert gains == pytest.approx({1: 0.1, 2: -0.05, 3: 0.05, 8: 0.1})


def test_best_is_the_incumbent_once_the_trial_was_judged(reader: LedgerReader) -> None:
    best = [row["best"] for row in trial_rows(reader)]
    assert best == [1.0, *[0.9] * 7, 0.8, 0.8]


def test_what_is_not_known_is_none_and_never_zero(reader: LedgerReader) -> None:
    rows = trial_rows(reader)
    crash, duplicate, under_way = rows[4], rows[5], rows[9]
    assert (crash["value"], crash["gain"], crash["metrics"]) == (None, None, {})
    assert (duplicate["measure_s"], duplicate["exit_code"], duplicate["runs"]) == (None, None, 0)
    assert (under_way["verdict"], under_way["minutes"], under_way["finished_at"]) == (None,) * 3
    assert (rows[0]["propose_s"], rows[0]["cost_usd"], rows[0]["input_tokens"]) == (None,) * 3


def test_a_tampered_value_is_no_gain(reader: LedgerReader) -> None:
    row = trial_rows(reader)[6]
    assert row["value"] == 0.0
    assert row["gain"] is None


def test_time_is_split_and_counted_from_the_beginning_of_the_night(reader: LedgerReader) -> None:
    row = trial_rows(reader)[1]
    assert (row["propose_s"], row["measure_s"]) == (PROPOSE_S, MEASURE_S)
    assert row["minutes"] == row["work_minutes"] == (2 * MEASURE_S + PROPOSE_S) / 60


def test_some_trials_give_the_same_rows_as_all(reader: LedgerReader) -> None:
    assert trial_rows(reader, reader.trials()) == trial_rows(reader)


def test_a_call_of_unknown_price_makes_the_cost_unknown(night: NightWriter) -> None:
    night.baseline(1.0)
    number = night.propose("two calls")
    first = night.ledger.attempts(number)[0]
    unpriced = Usage(input_tokens=10, output_tokens=None)
    night.ledger.record_attempt(number, type(first)("server", "", first.started_at, 1.0, unpriced))
    row = trial_rows(night.ledger)[1]
    assert row["input_tokens"] == 50_010
    assert row["output_tokens"] == 2_000
    assert row["cost_usd"] is None


def test_pauses_between_sessions_are_no_work(
    night: NightWriter, advance: Callable[[float], None]
) -> None:
    night.baseline(1.0)
    night.ledger.end_session(night.session, active_s=MEASURE_S)
    advance(3600)
    night.ledger.begin_session()
    night.trial("after the pause", Verdict.DISCARD, value=2.0)
    row = trial_rows(night.ledger)[1]
    assert row["minutes"] == (3600 + 2 * MEASURE_S + PROPOSE_S) / 60
    assert row["work_minutes"] == (2 * MEASURE_S + PROPOSE_S) / 60


def test_a_maximised_metric_gains_upwards(tmp_path: Path) -> None:
    writer = NightWriter(tmp_path / "ledger.db", goal=Goal.MAXIMIZE)
    writer.baseline(1.0)
    writer.trial("up", Verdict.KEEP, value=1.5)
    assert trial_rows(writer.ledger)[1]["gain"] == 0.5


def test_a_keep_that_was_taken_back_is_nobodys_incumbent_afterwards(night: NightWriter) -> None:
    night.baseline(1.0)
    night.trial("sound", Verdict.KEEP, value=0.9)
    night.trial("lucky", Verdict.KEEP, value=0.5)
    night.trial("against the lucky one", Verdict.DISCARD, value=0.8)
    assert night.demote(2) == [2]
    night.trial("against the sound one", Verdict.KEEP, value=0.8)
    rows = trial_rows(night.ledger)
    assert [row["incumbent"] for row in rows] == [None, 0, 1, 2, 1]
    assert [row["demoted_after"] for row in rows] == [None, None, 3, None, None]
    assert [row["best"] for row in rows] == [1.0, 0.9, 0.5, 0.5, 0.8]
    assert night.ledger.incumbent() == night.ledger.trial(4)
