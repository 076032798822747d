"""The codex harness's times, beside the table that they belong to."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.compare.records import ArmRecord
from overnight.errors import OvernightError
from overnight.importing.results_tsv import read_results
from overnight.importing.timing_log import read_timing
from overnight.types import Verdict

# As `run_experiment.sh` of codex-autoresearch-harness at fcb5716 writes it, with a stand-in agent.
LOG = """\
========================================
Autoresearch Run - 2026-03-12T18:00:00+00:00
Model:     gpt-5.4
Tag:       gpt54
Max hours: 6
========================================
[gpt54] iter=1 start=2026-03-12T18:00:00+00:00 remaining=360min model=gpt-5.4
[gpt54] iter=1 elapsed=400s experiments=1 latest_bpb=1.03
---
[gpt54] iter=2 start=2026-03-12T18:06:40+00:00 remaining=353min model=gpt-5.4
[gpt54] iter=2 elapsed=402s experiments=2 latest_bpb=1.02
---
[gpt54] iter=3 start=2026-03-12T18:13:22+00:00 remaining=346min model=gpt-5.4
[gpt54] iter=3 elapsed=60s experiments=2 latest_bpb=1.02
---
[gpt54] iter=4 start=2026-03-12T18:14:22+00:00 remaining=345min model=gpt-5.4
[gpt54] iter=4 elapsed=800s experiments=4 latest_bpb=1.01
---
[gpt54] iter=5 start=2026-03-12T18:27:42+00:00 remaining=332min model=gpt-5.4

========== FINAL RESULTS ==========
Total iterations: 5
commit	val_bpb	memory_gb	status	description
x	9	9	keep	[gpt54] iter=9 elapsed=9s experiments=9 latest_bpb=9
"""
TABLE = """\
commit\tval_bpb\tmemory_gb\tstatus\tdescription
c2450ad\t1.03\t44.0\tkeep\tbaseline
aaaaaa2\t1.02\t44.0\tkeep\tlower LR
aaaaaa5\t1.025\t44.0\tdiscard\tkeep keep
aaaaaa6\t1.01\t44.0\tkeep\tshorten warmdown
"""


def arm(table: str = TABLE, log: str = LOG) -> ArmRecord:
    timing, _ = read_timing(log.encode(), source="timing.log")
    read = read_results(table.encode(), source="results.tsv", name="gpt54", timing=timing)
    return read.arms[0]


def test_each_row_has_the_time_of_its_call_and_a_call_without_a_row_is_a_lost_turn() -> None:
    found = arm()
    assert [(trial.verdict, trial.wall_s) for trial in found.trials] == [
        (Verdict.KEEP, 402.0),
        (Verdict.INTERRUPTED, 60.0),
        (Verdict.DISCARD, 400.0),
        (Verdict.KEEP, 400.0),
    ]
    assert found.trials[0].finished_at == datetime.fromisoformat("2026-03-12T18:13:22+00:00")
    assert len(found.proposals) == 3
    assert found.setup == "gpt-5.4"


def test_rows_beyond_the_log_are_kept_without_times() -> None:
    [*_, last] = arm(TABLE + "aaaaaa7\t1.0\t44.0\tkeep\tlower depth\n").trials
    assert (last.title, last.wall_s) == ("lower depth", None)


def test_a_table_that_got_shorter_in_between_does_not_give_a_row_its_time_twice() -> None:
    shorter = LOG.replace("elapsed=60s experiments=2", "elapsed=60s experiments=1")
    assert [trial.wall_s for trial in arm(log=shorter).trials] == [402.0, 60.0, 400.0, 400.0]


def test_rows_that_cannot_be_read_do_not_move_the_times_of_others() -> None:
    broken = TABLE.replace("keep\tlower LR", "perhaps\tlower LR")
    walls = [trial.wall_s for trial in arm(broken).trials]
    assert walls == [402.0, 60.0, 400.0, 400.0], "the call of the broken row came to nothing"


@pytest.mark.parametrize("log", ["", "hello", "[a] iter=1 start=x remaining=1min model=m"])
def test_a_log_without_an_iteration_is_refused(log: str) -> None:
    with pytest.raises(OvernightError, match="no iteration that came to an end"):
        read_timing(log.encode(), source="timing.log")


def test_odd_lines_are_noted() -> None:
    _, notes = read_timing(LOG.replace("400s", "foours").encode(), source="timing.log")
    assert [note.line for note in notes] == [8]


@given(changes=st.lists(st.tuples(st.integers(0, 1_500), st.characters()), max_size=5))
def test_a_damaged_log_is_read_or_refused(changes: list[tuple[int, Any]]) -> None:
    log = LOG
    for place, character in changes:
        log = log[:place] + character + log[place + 1 :]
    try:
        found = arm(log=log)
    except OvernightError:
        return
    assert sum(trial.verdict is Verdict.KEEP for trial in found.trials) == 2
