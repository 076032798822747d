"""Opening a log, whatever tool it is of."""

import os
from pathlib import Path

import pytest

from overnight.errors import OvernightError
from overnight.importing.files import import_log
from overnight.types import Verdict

TABLE = """\
commit\tval_bpb\tmemory_gb\tstatus\tdescription
a\t1\t4\tkeep\tbaseline
b\t0.9\t4\tkeep\tx
"""
LABLOOP = """\
{"manifest": 1, "metric": "loss", "goal": "minimize"}
{"outcome": "kept", "metric": 1.0, "note": "baseline", "incumbent": null, "index": 0}
{"outcome": "kept", "metric": 0.9, "incumbent": 1.0, "index": 1}
"""
PI = """\
{"type": "config", "metricName": "ms", "bestDirection": "lower"}
{"run": 1, "metric": 1, "status": "keep", "description": "baseline"}
{"run": 2, "metric": 0.9, "status": "keep", "description": "x"}
"""
TIMES = """\
[a] iter=1 elapsed=10s experiments=1 latest_bpb=1
[a] iter=2 elapsed=20s experiments=2 latest_bpb=0.9
"""


@pytest.mark.parametrize(("text", "metric"), [(TABLE, "val_bpb"), (LABLOOP, "loss"), (PI, "ms")])
@pytest.mark.parametrize("name", ["results.tsv", "log.txt"])
def test_the_content_says_whose_log_it_is(
    tmp_path: Path, text: str, metric: str, name: str
) -> None:
    path = tmp_path / "night of codex" / name
    path.parent.mkdir()
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    read = import_log(path)
    [arm] = read.arms
    assert (read.metric, arm.name) == (metric, "night of codex")
    assert [(trial.verdict, trial.value) for trial in arm.trials] == [(Verdict.KEEP, 0.9)]
    assert import_log(path, name="mine").arms[0].name == "mine"


def test_times_beside_a_table_are_taken_along(tmp_path: Path) -> None:
    table = tmp_path / "results.tsv"
    table.write_text(TABLE)
    (tmp_path / "timing.log").write_text(TIMES)
    (tmp_path / "others").write_text(TIMES.replace("20s", "30s"))
    assert import_log(table).arms[0].trials[0].wall_s == 20.0
    assert import_log(table, timing=tmp_path / "others").arms[0].trials[0].wall_s == 30.0
    with pytest.raises(OvernightError, match="absent"):
        import_log(table, timing=tmp_path / "none")


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "absent", "."):
        with pytest.raises(OvernightError, match="is absent or no plain file"):
            import_log(tmp_path / name)


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.tsv"
    with path.open("wb") as file:
        file.truncate(65 * 2**20)
    with pytest.raises(OvernightError, match="is too large"):
        import_log(path)
