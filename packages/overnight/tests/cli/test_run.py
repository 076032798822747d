"""``overnight run`` and what every command shares: help, version, errors as one line."""

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from overnight import __version__
from overnight.cli.main import main
from overnight.config import Study
from overnight.errors import GitFailed
from overnight.night import NightEnd, run_night
from overnight.progress import Watcher
from overnight.testing.studies import TRAIN, TinyStudy, make_study, prints

Overnight = Callable[..., int]


@pytest.fixture
def overnight(monkeypatch: pytest.MonkeyPatch) -> Overnight:
    """Runs the command line in this process; returns its exit code."""

    def overnight(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["overnight", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    return overnight


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TinyStudy:
    """A study in a directory whose name looks like markup, with a step that helps."""
    monkeypatch.setenv("OVERNIGHT_WORK", str(tmp_path / "work"))
    step = {"title": "[bold]better[/x]", "write": {TRAIN: prints(0.5)}}
    return make_study(
        tmp_path / "[red]study[/x]",
        researcher={"kind": "scripted", "options": {"steps": [step]}},
    )


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed, on either stream and however it was wrapped."""
    captured = capsys.readouterr()
    return captured.out + captured.err


def test_says_its_version(overnight: Overnight, capsys: pytest.CaptureFixture[str]) -> None:
    assert overnight("--version") == 0
    assert told(capsys) == f"overnight {__version__}\n"


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_every_command(
    overnight: Overnight, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    assert overnight(flag) == 0
    help_text = told(capsys)
    assert all(f" {command} " in help_text for command in ("init", "run", "demo"))


@pytest.mark.parametrize(
    ("command", "example"),
    [("run", "overnight run --trials 20 --researcher tune"), ("demo", "overnight demo --into")],
)
def test_help_shows_examples(
    overnight: Overnight, capsys: pytest.CaptureFixture[str], command: str, example: str
) -> None:
    assert overnight(command, "--help") == 0
    assert example in told(capsys)


def test_without_a_study_it_ends_with_one_line(
    overnight: Overnight, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert overnight("run", "--study", str(tmp_path)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        f"error: There is no overnight.toml in {tmp_path}. Run `overnight init` there first.\n"
    )


def test_the_installed_program_does_the_same(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("overnight")
    done = subprocess.run(
        [program, "run"], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: There is no overnight.toml in ")
    assert done.stderr.count("\n") == 1


def test_every_error_of_a_study_file_has_a_line_of_its_own(
    overnight: Overnight, capsys: pytest.CaptureFixture[str], study: TinyStudy
) -> None:
    study.configure(gate={"tise": "keep"}, budget={"trials": 0})
    assert overnight("run", "--study", str(study.root)) == 2
    first, second = told(capsys).splitlines()
    assert "unknown key 'gate.tise'. Did you mean 'ties'?" in first
    assert "budget.trials = 0" in second


@pytest.mark.parametrize(
    "options", [("--trials", "0"), ("--hours", "-1"), ("--hours", "nan"), ("--nonsense",)]
)
def test_options_that_cannot_be_are_refused(
    overnight: Overnight, study: TinyStudy, options: tuple[str, ...]
) -> None:
    assert overnight("run", "--study", str(study.root), *options) == 2
    assert not study.layout.state.exists()


def test_an_error_cannot_write_to_the_terminal(
    overnight: Overnight, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise GitFailed("git said \x1b[2J[bold]boo[/x]\x07\nand more.")

    monkeypatch.setattr("overnight.cli.run.load_study", fail)
    assert overnight("run") == 1
    assert told(capsys) == "error: git said [2J[bold]boo[/x]\nand more.\n"


def test_a_night_is_told_in_lines_and_summed_up(
    overnight: Overnight, capsys: pytest.CaptureFixture[str], study: TinyStudy
) -> None:
    assert overnight("run", "--study", str(study.root), "--trials", "1") == 0
    lines = told(capsys)
    assert re.search(r"^\d\d:\d\d:\d\d trial 0: KEEP baseline: val_loss = 1\.", lines, re.MULTILINE)
    assert "trial 1: KEEP [bold]better[/x]: val_loss 1 -> 0.5: better by 0.5." in lines
    assert "The budget of 1 trials is used up." in lines
    assert "val_loss: 1 -> 0.5 (-50.00%)" in lines
    assert f"Results: {study.layout.results}" in lines
    assert "git merge overnight/tiny" in lines
    assert study.layout.picture.exists()


def test_a_night_that_is_cut_short_says_how_to_go_on(
    overnight: Overnight,
    capsys: pytest.CaptureFixture[str],
    study: TinyStudy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cut_short(study: Study, watcher: Watcher) -> NightEnd:
        end = run_night(study.override(trials=1), watcher)
        return replace(end, reason="Stopped on request.", finished=False)

    monkeypatch.setattr("overnight.cli.run.run_night", cut_short)
    assert overnight("run", "--study", str(study.root)) == 130
    lines = told(capsys)
    assert "Stopped on request." in lines
    assert "Go on with: overnight run" in lines
