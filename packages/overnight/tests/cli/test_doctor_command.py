"""`overnight doctor` as a command: what it prints, its exit codes, its JSON, and its end."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import typer
from typer.testing import CliRunner, Result

from overnight.cli.doctor import doctor
from overnight.doctor import CHECKS
from overnight.errors import OvernightError
from overnight.testing.studies import TRAIN, TinyStudy, make_study, prints

Doctor = Callable[..., Result]
PROCESS = (
    sys.executable,
    "-c",
    "import typer; from overnight.cli.doctor import doctor;"
    " app = typer.Typer(); app.command()(doctor); app()",
)
EVER_S = 60.0


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OVERNIGHT_WORK", str(tmp_path / "work"))
    (tmp_path / "home").mkdir()
    return tmp_path / "work"


@pytest.fixture
def study(tmp_path: Path) -> TinyStudy:
    return make_study(
        tmp_path / "study",
        files={"program.md": "Make it better.\n"},
        program="program.md",
        budget={"trials": 3},
        sandbox={"kind": "bubblewrap"},
        researcher={"options": {"steps": [{"title": "t", "write": {TRAIN: prints(0.5)}}]}},
    )


@pytest.fixture
def call(study: TinyStudy) -> Doctor:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(doctor)

    def call(*arguments: str, where: Path | None = None) -> Result:
        given = [*arguments, "--study", str(where or study.root)]
        result = CliRunner().invoke(app, given)
        if isinstance(result.exception, OvernightError):
            raise result.exception
        return result

    return call


def by_name(result: Result) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in json.loads(result.stdout)["checks"]}


def test_a_machine_that_is_ready(call: Doctor, study: TinyStudy, work: Path) -> None:
    before = study.user_state()
    result = call("--json")
    told = json.loads(result.stdout)
    failed = [check for check in told["checks"] if check["status"] == "failed"]
    assert failed == []
    assert (result.exit_code, told["ok"]) == (0, True)
    assert set(told) == {"study", "ok", "counts", "duration_s", "checks"}
    assert told["study"] == str(study.root / "overnight.toml")
    assert list(told["counts"]) == ["ok", "warning", "failed", "skipped"]
    assert sum(told["counts"].values()) == len(CHECKS) == len(told["checks"])
    for check in told["checks"]:
        keys = ("name", "group", "status", "finding", "fix", "details", "duration_s")
        assert tuple(check) == keys
    assert study.user_state() == before
    assert not study.layout.state.exists()
    assert list(work.iterdir()) == []


def test_findings_with_their_groups_and_a_summary(call: Doctor) -> None:
    result = call("--only", "study", "--only", "notify.urls")
    lines = result.stdout.splitlines()
    assert lines[0] == "study"
    assert any(line.split()[1:3] == ["ok", "scope"] for line in lines)
    assert "notify" in lines
    assert lines[-1].startswith("10 ok, 1 skipped in ")
    assert lines[-1].endswith("A night can begin.")


def test_a_failure_names_its_fix_and_is_an_exit_code(call: Doctor, study: TinyStudy) -> None:
    study.configure(measure={"command": "no-such-program"}, notify={"urls": ["nonsense"]})
    result = call("--only", "tools.programs", "--only", "notify")
    assert result.exit_code == 1
    assert "failed" in result.stdout
    assert "no-such-program, which measure.command names, is not installed." in result.stdout
    assert "Fix: Install it, or correct measure.command." in result.stdout
    assert result.stdout.splitlines()[-1].endswith("Mend what failed before the night.")


def test_warnings_are_no_failure(call: Doctor, study: TinyStudy) -> None:
    study.configure(budget={})
    result = call("--only", "study.budget")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].startswith("1 warning in ")


def test_a_study_file_that_is_broken_is_a_finding(call: Doctor, study: TinyStudy) -> None:
    (study.root / "overnight.toml").write_text("name = \n")
    result = call("--json")
    assert result.exit_code == 1
    found = by_name(result)
    assert "this is not TOML" in found["study.file"]["finding"]
    assert [name for name, check in found.items() if check["status"] == "failed"] == ["study.file"]


def test_no_study_at_all(call: Doctor, tmp_path: Path) -> None:
    with pytest.raises(OvernightError, match="no study in"):
        call(where=tmp_path)


def test_what_a_program_wrote_cannot_command_the_terminal(call: Doctor, study: TinyStudy) -> None:
    poison = "\x1b[2J\x1b]0;gotcha\x07[bold red]loud[/]"
    study.commit({TRAIN: f"printf '%b' '{poison}\\n'; exit 1\n"})
    result = call("--only", "run.baseline")
    assert result.exit_code == 1
    assert "\x1b" not in result.stdout
    assert "[bold red]loud[/]" in result.stdout


def test_quick_measures_nothing(call: Doctor, study: TinyStudy) -> None:
    study.configure(setup={"command": "exit 9"})
    result = call("--quick", "--only", "run", "--only", "tools", "--json")
    assert result.exit_code == 0
    assert "run.baseline" not in by_name(result)


def test_a_name_that_is_not_known(call: Doctor) -> None:
    with pytest.raises(OvernightError, match=r"Did you mean 'sandbox\.hides'"):
        call("--only", "sandbox.hide")


def test_the_list_needs_no_study(call: Doctor, tmp_path: Path) -> None:
    lines = call("--list", where=tmp_path).stdout.splitlines()
    assert [line.split()[0] for line in lines] == [check.name for check in CHECKS]
    told = json.loads(call("--list", "--json", where=tmp_path).stdout)
    assert [set(check) for check in told] == [{"name", "group", "purpose", "slow"}] * len(CHECKS)


def examined(study: TinyStudy, *before: str, **environ: str) -> dict[str, Any]:
    """The one thing that is found broken by a process of its own."""
    chosen = ("--only", "study", "--only", "sandbox.works", "--json", "-s", str(study.root))
    done = subprocess.run(
        (*before, *PROCESS, *chosen),
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    [told] = [it for it in json.loads(done.stdout)["checks"] if it["status"] == "failed"]
    found: dict[str, Any] = told
    return found


def test_git_that_is_not_installed(study: TinyStudy, tmp_path: Path) -> None:
    found = examined(study, PATH=str(tmp_path))
    assert found["name"] == "study.repository"
    assert "Install git 2.34" in found["fix"]


def test_bubblewrap_that_is_not_installed(study: TinyStudy) -> None:
    place = str(Path(str(shutil.which("bwrap"))).resolve())
    found = examined(study, "bwrap", "--dev-bind", "/", "/", "--ro-bind", "/dev/null", place, "--")
    assert found["name"] == "sandbox.works"
    assert "apt install bubblewrap" in found["fix"]


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGINT,
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
    ],
)
def test_it_can_be_stopped_and_leaves_nothing(
    number: signal.Signals, study: TinyStudy, work: Path, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    begun.mkdir()
    study.configure(
        measure={"command": f"(setsid sleep 300 &) ; touch {begun}/file; sleep 300"},
        sandbox={"kind": "bubblewrap", "write": [str(begun)]},
    )
    process = subprocess.Popen(
        (*PROCESS, "--only", "run.baseline", "-s", study.root),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    give_up_at = time.monotonic() + EVER_S
    while not (begun / "file").exists() and time.monotonic() < give_up_at:
        time.sleep(0.05)
    below = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    _, errors = process.communicate(timeout=EVER_S)
    assert process.returncode == 130
    assert errors == "Stopped; nothing is left behind.\n"
    assert below
    _, alive = psutil.wait_procs(below, timeout=EVER_S)
    assert alive == []
    assert list(work.iterdir()) == []


def test_what_a_killed_doctor_left_is_cleared_away(
    call: Doctor, study: TinyStudy, work: Path
) -> None:
    leave = (
        "import os, sys; from pathlib import Path; from contextlib import ExitStack;"
        "from overnight.doctor import Patient, Wishes;"
        "print(Patient(Path(sys.argv[1]), Wishes(), stack=ExitStack()).ward.logs, flush=True);"
        "os.kill(os.getpid(), 9)"
    )
    file = study.root / "overnight.toml"
    done = subprocess.run(
        (sys.executable, "-c", leave, file), check=False, stdout=subprocess.PIPE, text=True
    )
    left = Path(done.stdout.strip())
    assert left.is_dir()
    assert call("--only", "machine.work").exit_code == 0
    assert list(work.iterdir()) == []
