import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from overnight.errors import OvernightError

Call = Callable[..., Any]


def test_export_is_tsv_on_standard_output(call: Call) -> None:
    table = list(csv.DictReader(io.StringIO(call("export").stdout), delimiter="\t"))
    assert [row["number"] for row in table] == ["0", "1", "2", "3", "4", "5"]
    assert [row["metric.peak_vram_mb"] for row in table[2:]] == ["", "90000", "", ""]


def test_export_follows_the_suffix(call: Call, tmp_path: Path) -> None:
    for name in ("t.csv", "t.jsonl", "t.parquet", "t.txt"):
        assert call("export", "-o", str(tmp_path / name)).stdout == ""
    assert len(pd.read_csv(tmp_path / "t.csv")) == 6
    assert len([json.loads(line) for line in (tmp_path / "t.jsonl").open()]) == 6
    assert pd.read_parquet(tmp_path / "t.parquet")["number"].tolist() == [0, 1, 2, 3, 4, 5]
    assert (tmp_path / "t.txt").read_text().startswith("number\tnight\t")


def test_export_by_name_beats_the_suffix(call: Call, tmp_path: Path) -> None:
    call("export", "--format", "csv", "-o", str(tmp_path / "t.tsv"))
    assert (tmp_path / "t.tsv").read_text().startswith("number,night,")


def test_parquet_needs_a_file(call: Call) -> None:
    with pytest.raises(OvernightError, match=r"--output trials\.parquet"):
        call("export", "--format", "parquet")


def test_plot_prints_where_the_picture_is(call: Call, root: Path) -> None:
    assert call("plot").stdout == f"{root / '.overnight' / 'progress.png'}\n"
    assert (root / ".overnight" / "progress.png").read_bytes().startswith(b"\x89PNG")
