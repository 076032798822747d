"""`overnight selftest` as a command: what it prints, its exit code, and what it does unconfined."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from overnight.cli.selftest import selftest
from overnight.errors import OvernightError, SandboxFailed
from overnight.sandbox.walls import refuse_where_impossible

Selftest = Callable[..., Result]


@pytest.fixture
def call() -> Selftest:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(selftest)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments, catch_exceptions=False)

    return call


@pytest.fixture
def sandbox() -> None:
    try:
        refuse_where_impossible()
    except SandboxFailed as error:
        pytest.skip(str(error))


@pytest.fixture
def no_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PATH on which there is git, but no bubblewrap."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "git").symlink_to(str(shutil.which("git")))
    monkeypatch.setenv("PATH", str(programs))


@pytest.mark.usefixtures("sandbox")
def test_tells_a_script_everything(call: Selftest) -> None:
    result = call("--only", "odd-name", "--json")
    facts: dict[str, Any] = json.loads(result.stdout)
    assert (result.exit_code, facts["ok"], facts["sandbox"]) == (0, True, None)
    assert facts["endings"] == {"prevented": 0, "caught": 1, "succeeded": 0, "unknown": 0}
    [cheat] = facts["cheats"]
    assert cheat | {"duration_s": 0, "tries": ""} == {
        "name": "odd-name",
        "kind": "links",
        "layout": "scored",
        "tries": "",
        "ending": "caught",
        "verdict": "out_of_scope",
        "by": "guard: control characters",
        "reason": r"a\nval_loss: 0.05\n\x1b[2J.py has control characters in its name.",
        "problems": [],
        "expected": True,
        "duration_s": 0,
    }


@pytest.mark.usefixtures("no_sandbox")
def test_without_a_sandbox_runs_what_needs_none_and_says_why(call: Selftest) -> None:
    result = call("--only", "hard-link", "--only", "symbolic-link", "--jobs", "1")
    assert result.exit_code == 0
    assert "There is no sandbox here: bubblewrap " in result.stdout
    assert "1 cheats that need one were left out." in result.stdout
    assert "symbolic-link" in result.stdout
    assert "hard-link" not in result.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("sandbox")
def test_shows_a_row_for_each_and_keeps_its_night_where_it_is_told(
    call: Selftest, tmp_path: Path
) -> None:
    asked = ("--only", "odd-name", "--jobs", "1", "--keep", str(tmp_path / "kept"))
    result = call(*asked)
    header, row, *_ = (line.split() for line in result.stdout.splitlines())
    assert result.exit_code == 0
    assert header[:2] == ["cheat", "layout"]
    assert row[:2] == ["odd-name", "scored"]
    assert "1 cheats: 1 caught." in result.stdout
    assert (tmp_path / "kept/odd-name-scored/study/.overnight/ledger.db").exists()
    again = call(*asked)  # where a night is kept, none can be run
    assert again.exit_code == 1
    assert "Not as it should be: odd-name (scored)." in again.stdout


def test_an_unknown_name_is_told_with_a_close_one(call: Selftest) -> None:
    with pytest.raises(OvernightError, match=r"no cheat and no kind called 'forged-lime'.*forged"):
        call("--only", "forged-lime")
