"""labloop's ledger and pi-autoresearch's log."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.compare.records import ArmTrial
from overnight.errors import OvernightError
from overnight.importing.labloop import read_labloop
from overnight.importing.pi_autoresearch import read_pi
from overnight.importing.rows import Imported
from overnight.types import Goal, Verdict


def lines(*records: object) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def manifest(**facts: Any) -> dict[str, Any]:
    return {"manifest": 1, "metric": "loss", "goal": "minimize", "label": None, **facts}


def entry(index: int, outcome: str, metric: float | None = None, **facts: Any) -> dict[str, Any]:
    """A trial with the fields that labloop 1.0.5 writes."""
    written = {
        "index": index,
        "outcome": outcome,
        "metric": metric,
        "incumbent": 10.0,
        "duration_seconds": 2.5,
        "commit": None,
        "note": "",
        "stdout_tail": "",
        "harness": None,
        "direction": "main",
    }
    return {**written, **facts}


BASELINE = entry(0, "kept", 10.0, incumbent=None, note="baseline")


def labloop(*records: object, **asked: Any) -> Imported:
    return read_labloop(lines(*records), source="labloop.jsonl", name="lab", **asked)


def only(read: Imported) -> tuple[ArmTrial, ...]:
    [arm] = read.arms
    return arm.trials


def test_labloop_outcomes_as_a_real_run_wrote_them() -> None:
    read = labloop(
        manifest(),
        BASELINE,
        entry(1, "kept", 8.0),
        entry(2, "reverted", 9.0, incumbent=8.0),
        entry(3, "failed", incumbent=8.0),
        entry(4, "not_finite", note="loss was nan, which cannot be compared"),
        entry(5, "no_metric"),
        entry(6, "failed", note="propose command failed"),
        entry(7, "no_change", note="proposal left the tree unchanged"),
        entry(8, "timed_out", note="proposal exceeded its 300s budget"),
        entry(9, "timed_out"),
        entry(10, "harness_changed"),
    )
    assert [trial.verdict for trial in only(read)] == [
        Verdict.KEEP,
        Verdict.DISCARD,
        Verdict.CRASH,
        Verdict.NO_METRIC,
        Verdict.NO_METRIC,
        Verdict.INTERRUPTED,
        Verdict.INTERRUPTED,
        Verdict.INTERRUPTED,
        Verdict.TIMEOUT,
        Verdict.TAMPERED,
    ]
    kept, reverted, *_ = only(read)
    assert (kept.gain, reverted.gain) == (2.0, -1.0)
    assert only(read)[5].agent_s == 2.5
    assert kept.agent_s is None, "labloop adds up proposal and run"
    assert read.arms[0].starts == {1: 10.0}
    assert read.notes == ()


def test_a_label_takes_over_the_baseline_that_came_before_it() -> None:
    read = labloop(
        manifest(),
        BASELINE,
        manifest(label="gpt"),
        entry(1, "kept", 8.0),
        entry(2, "kept", 8.0, incumbent=None, note="baseline"),
        manifest(label="spark"),
        entry(3, "kept", 7.0, incumbent=8.0),
    )
    gpt, spark = read.arms
    assert (gpt.name, gpt.starts, len(gpt.trials)) == ("gpt", {1: 10.0}, 1)
    assert (spark.name, spark.starts, len(spark.trials)) == ("spark", {}, 1), (
        "it began from what the other had found"
    )


def test_directions_are_arms_of_their_own() -> None:
    read = labloop(
        manifest(goal="maximize"),
        BASELINE,
        entry(1, "kept", 12.0),
        {"fork": 1, "direction": "wild", "from_index": 1},
        entry(2, "kept", 13.0, incumbent=12.0, direction="wild"),
    )
    assert [arm.name for arm in read.arms] == ["lab/main", "lab/wild"]
    assert read.goal is Goal.MAXIMIZE
    assert read.arms[1].trials[0].gain == 1.0


def test_lines_of_labloop_that_cannot_be_read_are_noted() -> None:
    data = lines(manifest(), BASELINE, entry(1, "kept", 8.0)) + b'{"index": 2, "outco'
    read = read_labloop(data, source="labloop.jsonl", name="lab")
    assert [note.line for note in read.notes] == [4]
    read = labloop(manifest(), BASELINE, entry(1, "adored", 1.0), [1], {"news": 1})
    assert [note.line for note in read.notes] == [3, 4, 5]


def config(**facts: Any) -> dict[str, Any]:
    return {
        "type": "config",
        "name": "x",
        "metricName": "total_ms",
        "bestDirection": "lower",
        **facts,
    }


def run(number: int, metric: float, status: str = "keep", **facts: Any) -> dict[str, Any]:
    """A result with the fields that pi-autoresearch 1.6.2 writes."""
    written = {
        "run": number,
        "commit": "abc1234",
        "metric": metric,
        "metrics": {"compile_ms": 4},
        "status": status,
        "description": f"idea {number}",
        "timestamp": 1_773_348_490_000 + 60_000 * number,
        "segment": 0,
        "confidence": None,
    }
    return {**written, **facts}


HOOK = {"type": "hook", "stage": "before", "exit_code": 0}


def pi(*records: object, **asked: Any) -> Imported:
    return read_pi(lines(*records), source="log.jsonl", name="pi", **asked)


def test_pi_results_count_by_status() -> None:
    read = pi(
        config(),
        run(1, 10, description="Baseline"),
        HOOK,
        run(2, 8, asi={"hypothesis": "fewer allocations"}),
        run(3, 0, "crash", metrics={"compile_ms": 0}),
        run(4, 7, "checks_failed"),
        run(5, 9, "discard"),
    )
    kept, crash, failed, discarded = only(read)
    assert (kept.number, kept.gain, kept.rationale) == (2, 2.0, "fewer allocations")
    assert (crash.verdict, crash.value) == (Verdict.CRASH, None)
    assert (failed.verdict, failed.value, failed.kept) == (Verdict.VIOLATION, 7.0, False)
    assert discarded.gain == -1.0
    assert kept.wall_s == 60.0
    assert kept.finished_at == datetime.fromtimestamp(1_773_348_610, UTC)
    assert (read.metric, read.goal, read.notes) == ("total_ms", Goal.MINIMIZE, ())


def test_a_new_segment_of_pi_begins_with_a_baseline_that_is_no_proposal() -> None:
    read = pi(
        config(),
        run(1, 10, description="baseline"),
        run(2, 8),
        config(),
        run(3, 8.5, description="new baseline"),
        run(4, 8),
    )
    assert [trial.number for trial in only(read)] == [2, 4]
    assert only(read)[1].gain == 0.5
    assert read.arms[0].starts == {1: 10.0}


def test_another_metric_of_pi_leaves_out_what_stood_before() -> None:
    read = pi(
        config(),
        run(1, 10),
        run(2, 8),
        config(metricName="score", bestDirection="higher"),
        run(3, 1, description="baseline"),
        run(4, 2),
    )
    assert (read.metric, read.goal) == ("score", Goal.MAXIMIZE)
    assert [trial.gain for trial in only(read)] == [1.0]
    assert "line 4: what stands before is left out" in str(read.notes[0])


def test_failed_attempts_at_a_baseline_of_pi_are_no_proposals() -> None:
    read = pi(
        config(),
        run(1, 0, "crash", description="Baseline harness failed"),
        run(2, 9.9, "checks_failed", description="Baseline succeeded, checks did not"),
        run(3, 10, description="A clean baseline at last"),
        run(4, 8),
    )
    assert len(only(read)) == 1
    assert [note.line for note in read.notes] == [2, 3]


@pytest.mark.parametrize("timestamp", [None, "soon", -1e300, 1e300, 10**400, True, {}])
def test_odd_times_of_pi_are_no_times(timestamp: object) -> None:
    [kept] = only(pi(config(), run(1, 10), run(2, 8, timestamp=timestamp)))
    assert (kept.finished_at, kept.wall_s) == (None, None)


@pytest.mark.parametrize("reader", [read_labloop, read_pi])
@pytest.mark.parametrize(
    "data", [b"", b"{}\n", b"[" * 100_000, b"\x00", b'{"run": 1}\n', b"nonsense"]
)
def test_logs_without_a_result_are_refused(reader: Any, data: bytes) -> None:
    with pytest.raises(OvernightError) as refused:
        reader(data, source="log.jsonl", name="x")
    assert refused.value.fix


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
KEYS = st.sampled_from(
    """run metric metrics status description timestamp asi type outcome index incumbent note label
    duration_seconds direction manifest goal metricName bestDirection iterationTokens""".split()  # noqa: SIM905 (a list of twenty would be twenty lines)
)
WORDS = st.sampled_from(["keep", "crash", "kept", "reverted", "config", "maximize", 1, 10**400])


@given(records=st.lists(st.dictionaries(KEYS, JSON | WORDS, max_size=6), max_size=6))
def test_any_records_are_read_or_refused(records: list[dict[str, Any]]) -> None:
    data = lines(
        config(), run(1, 10), run(2, 9), manifest(), BASELINE, entry(1, "kept", 8.0), *records
    )
    for reader in (read_labloop, read_pi):
        read = reader(data, source="log.jsonl", name="x")
        assert all(trial.title.isprintable() for arm in read.arms for trial in arm.trials)
