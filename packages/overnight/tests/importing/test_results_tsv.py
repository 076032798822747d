"""autoresearch's table, as agents really write it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.compare.records import ArmTrial
from overnight.errors import OvernightError
from overnight.importing.lines import MOST_LINE_CHARACTERS
from overnight.importing.results_tsv import read_results
from overnight.importing.rows import Imported
from overnight.types import Goal, Verdict

HEAD = "commit\tval_bpb\tmemory_gb\tstatus\tdescription\n"
BASELINE = "c2450ad\t1.0\t44.0\tkeep\tbaseline\n"


def read(text: str | bytes, **asked: Any) -> Imported:
    data = text.encode() if isinstance(text, str) else text
    return read_results(data, source="results.tsv", name="codex", **asked)


def trials(text: str | bytes, **asked: Any) -> tuple[ArmTrial, ...]:
    return read(text, **asked).arms[0].trials


def notes(text: str | bytes, **asked: Any) -> list[str]:
    return [str(note) for note in read(text, **asked).notes]


def test_a_log_with_seven_keeps_says_seven() -> None:
    kept = "".join(f"aaaaaa{n}\t0.9{9 - n}\t44.0\tkeep\tidea {n}\n" for n in range(7))
    lost = "".join(f"bbbbbb{n}\t1.1\t44.0\tdiscard\tkeep it, crash, keep\n" for n in range(23))
    found = trials(HEAD + BASELINE + kept + lost)
    assert sum(trial.verdict is Verdict.KEEP for trial in found) == 7
    assert sum(trial.verdict is Verdict.DISCARD for trial in found) == 23
    assert [trial.number for trial in found] == list(range(1, 31))


def test_the_metric_of_a_crash_is_no_measurement() -> None:
    crash, discard, keep = trials(
        HEAD
        + BASELINE
        + "a\t0.000000\t0.0\tcrash\tdouble width\n"
        + "b\t0.000000\t0.0\tdiscard\taborted\n"
        + "c\t0.9\t44.0\tkeep\tlower LR\n"
    )
    assert (crash.verdict, crash.value, crash.gain) == (Verdict.CRASH, None, None)
    assert (discard.verdict, discard.value) == (Verdict.DISCARD, None)
    assert keep.gain == pytest.approx(0.1), "against the baseline, never against a zero"


def test_a_metric_of_zero_that_was_measured_is_one() -> None:
    text = HEAD.replace("val_bpb", "errors") + "a\t2\t1.0\tkeep\tbaseline\nb\t0\t1.0\tkeep\tmend\n"
    [mended] = trials(text)
    assert (mended.value, mended.gain) == (0.0, 2.0)


def test_a_gain_is_over_the_last_keep() -> None:
    better, worse, again = trials(
        HEAD
        + BASELINE
        + "a\t0.9\t44.0\tkeep\tx\n"
        + "b\t0.95\t44.0\tdiscard\tx\n"
        + "c\t0.8\t44.0\tkeep\tx\n"
    )
    assert [round(each.gain or 0, 6) for each in (better, worse, again)] == [0.1, -0.05, 0.1]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_a_byte_order_mark_do_not_matter(end: str, mark: bytes) -> None:
    text = (HEAD + BASELINE + "a\t0.9\t44.0\tKEEP \tlower LR\n").replace("\n", end)
    [trial] = trials(mark + text.encode())
    assert (trial.verdict, trial.title) == (Verdict.KEEP, "lower LR")


def test_a_table_in_utf_16_is_read() -> None:
    assert len(trials((HEAD + BASELINE + "a\t0.9\t44.0\tkeep\tx\n").encode("utf-16"))) == 1


def test_odd_bytes_and_control_characters_are_shown_and_never_obeyed() -> None:
    [trial] = trials((HEAD + BASELINE).encode() + b"a\t0.9\t44.0\tkeep\t\x1b[2J\xff caf\xe9\n")
    assert trial.title.isprintable()
    assert trial.value == 0.9


def test_columns_may_be_more_fewer_and_elsewhere() -> None:
    text = (
        "commit\tkind\tval_rmse\tstatus\thypothesis\tdescription\n"
        "a\tbase\t343.88\tkeep\twhy\tbaseline\n"
        "b\tlr\t285.86\tkeep\twhy\tlog-transform\n"
    )
    [trial] = trials(text)
    assert read(text).metric == "val_rmse"
    assert (trial.value, trial.title) == (285.86, "log-transform")


def test_tabs_in_the_last_description_belong_to_it() -> None:
    [trial] = trials(HEAD + BASELINE + "a\t0.9\t44.0\tkeep\tlower\tLR\n")
    assert trial.title == "lower LR"


def test_what_cannot_be_read_is_noted_with_its_line_and_the_rest_is_read() -> None:
    text = (
        HEAD
        + BASELINE
        + "a\t0.9\n"
        + "\n"
        + "b\t0.9\t44.0\ttentative\tx\n"
        + "c\tn/a\t44.0\tdiscard\tx\n"
        + f"d\t0.9\t44.0\tkeep\t{'x' * MOST_LINE_CHARACTERS}\n"
        + "e\tnan\t44.0\tkeep\tx\n"
        + "f\t0.8\t44.0\tkeep\tx\n"
    )
    assert len(trials(text)) == 3
    told = "\n".join(notes(text))
    assert "line 3: left out: columns are missing" in told
    assert "line 5: left out: 'tentative' is no status that is known" in told
    assert "line 6: 'n/a' is taken as not measured" in told
    assert "line 7: left out: it has 1,0" in told
    assert "line 8: 'nan' is taken as not measured" in told


def test_a_failed_attempt_at_the_baseline_is_no_proposal() -> None:
    text = (
        HEAD + "x\t0.000000\t0.0\tcrash\tbaseline, no CUDA\n" + BASELINE + "a\t0.9\t4.0\tkeep\tx\n"
    )
    imported = read(text)
    assert imported.arms[0].starts == {1: 1.0}
    assert len(imported.arms[0].trials) == 1
    assert notes(text) == ["line 2: an attempt at the baseline, not counted as a proposal"]


def test_only_the_first_keep_is_the_baseline() -> None:
    found = trials(HEAD + BASELINE + "a\t0.9\t44.0\tkeep\tback to the baseline LR\n")
    assert len(found) == 1


def test_a_log_without_a_baseline_says_so() -> None:
    text = HEAD + "a\t1.1\t44.0\tdiscard\tx\nb\t0.9\t44.0\tkeep\ty\n"
    imported = read(text)
    assert imported.arms[0].starts == {}
    assert len(imported.arms[0].trials) == 2
    assert notes(text) == ["line 2: no baseline begins here"]


def test_a_table_without_column_names_is_taken_as_the_five() -> None:
    text = BASELINE + "a\t0.9\t44.0\tkeep\tx\n"
    assert len(trials(text)) == 1
    assert notes(text) == ["line 1: no column names; taken as autoresearch's five"]


def test_the_goal_is_asked_for_or_named_or_seen() -> None:
    rising = (
        "commit\tquality\tstatus\tdescription\na\t1\tkeep\tbaseline\nb\t2\tkeep\tx\nc\t3\tkeep\ty\n"
    )
    assert read(rising).goal is Goal.MAXIMIZE
    assert "its name does not say" in notes(rising)[0]
    assert read(rising.replace("quality", "val_loss")).goal is Goal.MINIMIZE
    assert read(rising, goal=Goal.MINIMIZE).goal is Goal.MINIMIZE


def test_the_metric_can_be_named() -> None:
    text = "commit\tloss\tacc\tstatus\tdescription\na\t1\t0.5\tkeep\tbaseline\nb\t2\t0.6\tkeep\tx\n"
    assert trials(text, metric="acc")[0].value == 0.6
    with pytest.raises(OvernightError, match="has no column 'f1'"):
        read(text, metric="f1")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"commit,val_bpb,memory_gb,status,description\n", "line 1, names no column `status`"),
        (b"\nhello\n", "line 2, names no column `status`"),
        (b"PK\x03\x04\x00\x00", "is no text"),
        (HEAD.encode(), "has no column of numbers"),
        (HEAD.encode() + b"a\t0.9\t44.0\twho knows\tx\n", "has no row that can be read"),
    ],
)
def test_what_is_no_such_table_is_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(OvernightError) as refused:
        read(data)
    assert why in refused.value.message
    assert refused.value.fix


CELLS = st.sampled_from(
    [
        "keep",
        "discard",
        "crash",
        "0.000000",
        "0.9",
        "-1",
        "nan",
        "1e999",
        "",
        "baseline",
        "\x00",
        "é",
    ]
)


@given(rows=st.lists(st.lists(CELLS, max_size=7), max_size=12))
def test_any_rows_are_counted_by_their_status_or_refused(rows: list[list[str]]) -> None:
    try:
        found = trials(HEAD + "\n".join("\t".join(row) for row in rows))
    except OvernightError as refused:
        assert refused.fix
        return
    keeps = sum(trial.verdict is Verdict.KEEP for trial in found)
    assert keeps <= sum(row[3:4] == ["keep"] for row in rows)
    assert all(trial.value is None for trial in found if trial.verdict is Verdict.CRASH)


@given(raw=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for data in (raw, HEAD.encode() + BASELINE.encode() + raw):
        try:
            assert all(trial.title.isprintable() for trial in trials(data))
        except OvernightError as refused:
            assert refused.fix
