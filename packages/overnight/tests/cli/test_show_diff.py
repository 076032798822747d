import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from overnight.errors import LedgerError
from overnight.testing.nights import NightWriter
from overnight.types import Verdict
from overnight.workspace.git import git

Call = Callable[..., Any]


@pytest.fixture
def patched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study in a real repository; its one trial changed a text file and a binary one."""
    root = tmp_path_factory.mktemp("patched")

    def commit(message: str) -> str:
        git("add", "-A", cwd=root)
        git("commit", "-qm", message, cwd=root)
        return git("rev-parse", "HEAD", cwd=root).decode().strip()

    git("init", "-q", cwd=root)
    (root / "train.py").write_text("lr = 1\n")
    (root / "data.bin").write_bytes(bytes(range(256)))
    base = commit("start")
    (root / "train.py").write_text("lr = 2  # \x1b[31m [bold]\n")
    (root / "data.bin").write_bytes(bytes(range(255, -1, -1)))
    change = commit("change")
    git("checkout", "-q", "--detach", base, cwd=root)
    night = NightWriter(root / ".overnight" / "ledger.db", baseline_commit=base)
    night.baseline(1.0)
    night.trial("a larger step", Verdict.KEEP, value=0.9, commit=change)
    night.ledger.close()
    return root


def test_show_tells_why(call: Call) -> None:
    shown = call("show", "3").stdout
    for told in (
        "in float64",
        "violation",
        "trial 1, 0.9; gain +0.05",
        "It should help.",
        "<= 50000 is broken",
        "50,000",
        "$0.0400",
    ):
        assert told in shown
    assert "peak_vram_mb" in shown
    assert "<= 50000 holds" in call("show", "1").stdout


def test_show_prints_foreign_text_literally(call: Call, root: Path) -> None:
    directory = root / ".overnight" / "trials" / "0004"
    directory.mkdir(parents=True)
    (directory / "output.log").write_bytes(b"early\n" * 50 + b"\x1b[2J\xff[bold]\x07 late\n")
    shown = call("show", "4").stdout
    assert "End of the output" in shown
    assert shown.count("early") == 19
    assert "\\x1b[2J\ufffd[bold]\\x07 late" in shown
    assert "[bold red]loud[/] :boom:" in shown
    assert str(directory / "output.log") in shown
    assert all(character.isprintable() or character == "\n" for character in shown)


def test_show_as_json(call: Call, root: Path) -> None:
    told = json.loads(call("show", "3", "--json").stdout)
    assert (told["number"], told["verdict"], told["incumbent"]) == (3, "violation", 1)
    assert told["comparisons"][1] == {
        "metric": "peak_vram_mb",
        "incumbent": 45_000,
        "runs": [90_000],
        "constraints": {"peak_vram_mb <= 50000": False},
    }
    assert told["all_runs"][0]["outcome"] == "measured"
    assert told["all_attempts"][0]["usage"]["input_tokens"] == 50_000
    assert told["directory"] == str(root / ".overnight" / "trials" / "0003")


def test_the_baseline_and_a_trial_under_way_can_be_shown(call: Call) -> None:
    assert "baseline" in call("show", "0").stdout
    assert "proposing" in call("show", "5").stdout


def test_show_has_the_change(call: Call, patched: Path) -> None:
    shown = call("show", "1", study=patched).stdout
    assert "+lr = 2  # \\x1b[31m [bold]" in shown
    assert "\x1b" not in shown


def test_a_diff_can_be_applied(call: Call, patched: Path) -> None:
    patch = call("diff", "1", study=patched).stdout_bytes
    assert b"\x1b[31m [bold]" in patch
    subprocess.run(["git", "apply"], cwd=patched, input=patch, check=True)
    assert (patched / "train.py").read_text() == "lr = 2  # \x1b[31m [bold]\n"
    assert (patched / "data.bin").read_bytes() == bytes(range(255, -1, -1))


def test_a_saved_patch_serves_when_git_has_none(call: Call, root: Path) -> None:
    directory = root / ".overnight" / "trials" / "0002"
    directory.mkdir(parents=True)
    (directory / "proposal.patch").write_bytes(b"diff --git a/a b/a\n")
    os.environ.pop("GIT_DIR", None)
    assert call("diff", "2").stdout_bytes == b"diff --git a/a b/a\n"


def test_the_baseline_changed_nothing(call: Call) -> None:
    assert call("diff", "0").stdout_bytes == b""


@pytest.mark.parametrize("command", ["show", "diff"])
def test_a_trial_that_is_not_there(call: Call, command: str) -> None:
    with pytest.raises(LedgerError, match=r"no trial 99\. `overnight log` lists them"):
        call(command, "99")
