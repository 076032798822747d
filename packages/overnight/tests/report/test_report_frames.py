import csv
import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from overnight.ledger.queries import LedgerReader
from overnight.report.export import Format, encode
from overnight.report.frames import flat_columns, trial_frame
from overnight.report.rows import trial_rows
from overnight.testing.nights import NightWriter
from overnight.types import Verdict

ODD = st.text(
    st.one_of(
        st.sampled_from("\t\n\r\"',;|\\\x00\x1b\x7f\x9b\u202e\u2028\U0001f600[]=a "),
        st.characters(codec="utf-8"),
    ),
    max_size=30,
)


def test_columns_have_honest_types(reader: LedgerReader) -> None:
    frame = trial_frame(reader)
    assert len(frame) == 10
    assert {str(frame[name].dtype) for name in ("number", "exit_code", "lines_added")} == {"Int64"}
    assert str(frame["finished_at"].dtype) == "datetime64[us, UTC]"
    assert frame["finished_at"].isna().tolist() == [False] * 9 + [True]
    assert frame["metric.peak_vram_mb"].count() == 2
    assert frame["value"].isna().tolist()[4:6] == [True, True]
    assert frame["gain"].max() == pytest.approx(0.1)


def test_a_ledger_without_trials_has_the_same_columns(night: NightWriter) -> None:
    frame = trial_frame(night.ledger)
    assert len(frame) == 0
    assert "verdict" in frame.columns
    assert str(frame["number"].dtype) == "Int64"
    assert str(frame["created_at"].dtype) == "datetime64[us, UTC]"


def test_parquet_keeps_types_and_nulls(reader: LedgerReader) -> None:
    content = encode(trial_rows(reader), Format.PARQUET)
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(content)), trial_frame(reader))


def test_pandas_reads_a_table_back(reader: LedgerReader) -> None:
    text = encode(trial_rows(reader), Format.TSV).decode()
    frame = pd.read_csv(io.StringIO(text), sep="\t", parse_dates=["created_at"])
    assert frame["title"].tolist() == trial_frame(reader)["title"].tolist()
    assert frame["value"].isna().sum() == 4
    assert str(frame["created_at"].dtype.tz) == "UTC"  # type: ignore[union-attr]  # stubs lack tz


@settings(max_examples=15, deadline=None)
@example(title="\r", rationale='"', reason="\t")
@given(title=ODD, rationale=ODD, reason=ODD)
def test_odd_text_survives_every_export(title: str, rationale: str, reason: str) -> None:
    with TemporaryDirectory() as directory:
        night = NightWriter(Path(directory) / "ledger.db")
        night.baseline(1.0)
        night.trial(title, Verdict.DISCARD, value=2.0, rationale=rationale, reason=reason)
        rows = trial_rows(night.ledger)
        night.ledger.close()
    told = (title, rationale, reason or "discard.")
    for file_format, delimiter in ((Format.CSV, ","), (Format.TSV, "\t")):
        text = encode(rows, file_format).decode("utf-8")
        table = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        assert table[0] == flat_columns(rows)
        found = dict(zip(table[0], table[2], strict=True))
        assert (found["title"], found["rationale"], found["reason"]) == told
    lines = encode(rows, Format.JSONL).decode("ascii").splitlines()
    found = json.loads(lines[1])
    assert (found["title"], found["rationale"], found["reason"]) == told
    frame = pd.read_parquet(io.BytesIO(encode(rows, Format.PARQUET)))
    assert tuple(frame.loc[1, ["title", "rationale", "reason"]]) == told


def test_json_is_one_line_of_ascii_per_trial(night: NightWriter) -> None:
    night.baseline(1.0)
    night.trial("\x1b[2J\x9b \u2028 naïve", Verdict.DISCARD, value=2.0)
    content = encode(trial_rows(night.ledger), Format.JSONL)
    assert content.isascii()
    assert len(content.splitlines()) == 2
    assert b"\x1b" not in content
