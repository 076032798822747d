"""`overnight import` as a command: one log for each arm, the report, and what was passed over."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from overnight.cli.import_ import import_
from overnight.errors import OvernightError

Call = Callable[..., Result]
HEADER = "commit\tval_bpb\tmemory_gb\tstatus\tdescription"


@pytest.fixture
def call() -> Call:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(import_)

    def call(*arguments: object) -> Result:
        return CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)

    return call


@pytest.fixture
def logs(tmp_path: Path) -> tuple[Path, Path]:
    one, other = tmp_path / "one/results.tsv", tmp_path / "other/results.tsv"
    for log in (one, other):
        log.parent.mkdir()
    rows = ["a\t1.0\t44.0\tkeep\tbaseline", "b\t1.1\t44.0\tdiscard\tkeep the old warmdown"]
    one.write_text("\n".join([HEADER, *rows, "c\t0.9\t44.0\tkeep\tshorten warmdown", ""]))
    rows = ["a\t1.02\t44.0\tkeep\tbaseline", "d\t0.000\t0.0\tcrash\tdouble depth"]
    other.write_text("\n".join([HEADER, *rows, "e\t0.95\t44.0\tkeep\tlower warmdown ratio", ""]))
    return one, other


def test_counts_are_those_of_verdicts_and_a_crash_is_no_zero(
    call: Call, logs: tuple[Path, Path]
) -> None:
    facts = json.loads(call(*logs, "--json").stdout)
    one, other = facts["arms"]
    assert (one["name"], one["proposals"], one["accepted"]) == ("one", 2, 1)
    assert (other["name"], other["proposals"], other["accepted"]) == ("other", 2, 1)
    assert other["recorded"]["best"] == 0.95
    assert facts["starts"]["gap"] == pytest.approx(0.02)


def test_the_report_names_what_both_found_and_is_written(
    call: Call, logs: tuple[Path, Path], tmp_path: Path
) -> None:
    told = call(*logs, "--name", "A", "--name", "B", "--out", tmp_path / "night").stdout
    assert "- warmdown" in told.partition("Found by several arms:")[2].partition("Only by")[0]
    assert (tmp_path / "night.md").read_text().endswith("\n")
    assert json.loads((tmp_path / "night.json").read_text())["metric"] == "val_bpb"
    assert (tmp_path / "night.png").read_bytes().startswith(b"\x89PNG")


def test_names_come_one_for_each_log(call: Call, logs: tuple[Path, Path]) -> None:
    with pytest.raises(OvernightError, match="--name was given 1 times for 2 logs"):
        call(*logs, "--name", "A")


def test_what_is_no_log_is_told(call: Call, tmp_path: Path) -> None:
    with pytest.raises(OvernightError, match="absent or no plain file"):
        call(tmp_path / "nothing.tsv")
