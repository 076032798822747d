"""The sandbox: what is broken or open is found by trying it, inside."""

import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from overnight.doctor import Status
from overnight.doctor.asking import probe_line
from overnight.doctor.checks.surroundings import judge_encodings, judge_variables

from .conftest import Examine, ExamineAll, Make

BUBBLEWRAP = {"kind": "bubblewrap"}


def test_bubblewrap_that_is_forbidden(
    make: Make, examine: Examine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = tmp_path / "bin" / "bwrap"
    refusing.parent.mkdir()
    refusing.write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create a namespace' >&2; exit 1\n"
    )
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{refusing.parent}:{os.environ['PATH']}")
    result = examine(make(sandbox=BUBBLEWRAP), "sandbox.works")
    assert result.status is Status.FAILED
    assert "No permissions to create a namespace" in result.finding
    assert "sysctl" in result.fix or "container" in result.fix


def test_a_sandbox_that_works(make: Make, examine: Examine) -> None:
    assert examine(make(sandbox=BUBBLEWRAP), "sandbox.works").status is Status.OK


def test_no_sandbox_is_a_warning_that_says_what_is_open(
    make: Make, examine_all: ExamineAll
) -> None:
    found = examine_all(make(), "sandbox")
    result = found["sandbox.works"]
    assert result.status is Status.WARNING
    assert "can read your keys" in result.finding
    assert 'sandbox = "bubblewrap"' in result.fix
    for name in ("caches", "hides", "measure-network"):
        assert found[f"sandbox.{name}"].status is Status.SKIPPED
    assert found["sandbox.limits"].status is Status.OK


@pytest.fixture
def cache(home: Path) -> Path:
    cache = home / ".cache" / "uv"
    cache.mkdir(parents=True)
    (cache / "package").write_text("1")
    return cache


def test_what_runs_write_into_caches_is_gone(make: Make, examine: Examine, cache: Path) -> None:
    result = examine(make(sandbox=BUBBLEWRAP), "sandbox.caches")
    assert result.status is Status.OK
    assert str(cache) in result.finding
    assert [path.name for path in cache.iterdir()] == ["package"]


def test_caches_where_no_overlay_can_be_mounted(
    make: Make, examine: Examine, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = tmp_path / "bin" / "unshare"
    refusing.parent.mkdir()
    refusing.write_text("#!/bin/sh\necho 'unshare: not here' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{refusing.parent}:{os.environ['PATH']}")
    result = examine(make(sandbox=BUBBLEWRAP), "sandbox.caches")
    assert result.status is Status.WARNING
    assert result.details == ("unshare: not here",)
    assert [path.name for path in cache.iterdir()] == ["package"]


def test_secrets_repository_and_ledger_cannot_be_seen(
    make: Make, examine: Examine, home: Path
) -> None:
    (home / ".ssh").mkdir()
    (home / ".ssh" / "id_ed25519").write_text("key")
    (home / ".netrc").write_text("password")
    study = make(sandbox=BUBBLEWRAP)
    study.run([])
    result = examine(study, "sandbox.hides")
    assert result.status is Status.OK, result


@pytest.mark.parametrize(
    ("settings", "fix"),
    [
        ({"read": ["~/.ssh"]}, "sandbox.read names ~/.ssh, which holds it; name less."),
        ({"write": ["~/.ssh"]}, "sandbox.write names ~/.ssh, which holds it; name less."),
    ],
)
def test_a_key_that_the_study_shows(
    settings: dict[str, Any], fix: str, make: Make, examine: Examine, home: Path
) -> None:
    (home / ".ssh").mkdir()
    (home / ".ssh" / "id_ed25519").write_text("key")
    result = examine(make(sandbox={**BUBBLEWRAP, **settings}), "sandbox.hides")
    assert result.status is Status.FAILED
    assert ".ssh" in result.finding
    assert result.fix == fix


def test_what_counts_as_seen(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "entry").touch()
    (tmp_path / "bare").mkdir()
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(tmp_path / "agent.1"))
        names = ("file", "full", "bare", "agent.1", "absent")
        line = probe_line("sight", "/dev/null", *(str(tmp_path / name) for name in names))
        done = subprocess.run(("/bin/sh", "-c", line), capture_output=True, check=True)
    seen = [Path(path).name for path in json.loads(done.stdout)]
    assert seen == ["file", "full", "agent.1"]


def test_the_clones_of_other_studies(make: Make, examine: Examine, work: Path) -> None:
    other = work / ("0" * 32)
    other.mkdir(parents=True)
    (other / "clone").write_text("of another study")
    study = make(sandbox=BUBBLEWRAP)
    assert examine(study, "sandbox.hides").status is Status.OK
    study.configure(sandbox={**BUBBLEWRAP, "read": [str(other)]})
    result = examine(study, "sandbox.hides")
    assert (result.status, str(other) in result.fix) == (Status.FAILED, True)


def test_limits_are_in_force(make: Make, examine: Examine) -> None:
    assert examine(make(sandbox=BUBBLEWRAP), "sandbox.limits").status is Status.OK


def test_surroundings_of_a_confined_command(
    make: Make, examine_all: ExamineAll, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "very secret")
    monkeypatch.setenv("INNOCENT", "sk-proj-0123456789abcdefghij")
    names = ("secrets", "input-is-closed", "encoding", "shared-memory")
    found = examine_all(make(sandbox=BUBBLEWRAP), *(f"sandbox.{name}" for name in names))
    assert {result.status for result in found.values()} == {Status.OK}


def test_a_key_that_is_handed_on(
    make: Make, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "0123456789")
    result = examine(make(measure={"pass_env": ["WANDB_API_KEY"]}), "sandbox.secrets")
    assert (result.status, "WANDB_API_KEY" in result.finding) == (Status.WARNING, True)
    assert "measure.pass_env" in result.finding


@pytest.mark.parametrize(
    ("name", "value"), [("MY_TOKEN", "x"), ("OPENAI", "sk-proj-0123456789abcdefghij")]
)
def test_a_key_that_should_not_be_there(name: str, value: str) -> None:
    judged = judge_variables([name, "PLACE"], environ={name: value, "PLACE": "here"}, passed=())
    assert judged.status is Status.FAILED
    assert judged.finding == f"The measured command sees {name}."
    assert value not in judged.fix


def test_text_that_is_not_utf_8() -> None:
    assert judge_encodings(["UTF-8", "utf8"]).status is Status.OK
    judged = judge_encodings(["ISO-8859-1", "utf-8"])
    assert (judged.status, "ISO-8859-1" in judged.finding) == (Status.WARNING, True)
    assert "LC_ALL=C.UTF-8" in judged.fix


def test_too_little_shared_memory(make: Make, examine: Examine) -> None:
    result = examine(make(sandbox={**BUBBLEWRAP, "memory_gb": 1.0}), "sandbox.shared-memory")
    assert (result.status, "memory_gb" in result.fix) == (Status.WARNING, True)


def test_a_network_that_is_off(make: Make, examine: Examine) -> None:
    result = examine(make(sandbox=BUBBLEWRAP), "sandbox.measure-network")
    assert result.finding == "measure.network is off, and no server can be reached."


def test_hosts_that_can_and_cannot_be_reached(make: Make, examine: Examine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as there, socket.socket() as absent:
        absent.bind(("127.0.0.1", 0))  # and nobody listens
        known, silent = (f"127.0.0.1:{it.getsockname()[1]}" for it in (there, absent))
        study = make(sandbox=BUBBLEWRAP, measure={"network": [f"http://{known}/v1"]})
        result = examine(study, "sandbox.measure-network")
        assert result.finding == f"{known} can be reached, and nothing else."
        study.configure(sandbox=BUBBLEWRAP, setup={"command": "true", "network": [known, silent]})
        result = examine(study, "sandbox.setup-network")
    assert result.status is Status.FAILED
    assert silent in result.finding
    assert known not in result.finding
    assert "setup.network" in result.fix


def test_a_host_that_has_no_address(make: Make, examine: Examine) -> None:
    study = make(sandbox=BUBBLEWRAP, measure={"network": ["no-such-host.invalid"]})
    result = examine(study, "sandbox.measure-network")
    assert (result.status, "no-such-host.invalid" in result.finding) == (Status.FAILED, True)


def test_an_open_network_is_a_warning(make: Make, examine: Examine) -> None:
    result = examine(make(sandbox=BUBBLEWRAP, measure={"network": "on"}), "sandbox.measure-network")
    assert result.status is Status.WARNING
