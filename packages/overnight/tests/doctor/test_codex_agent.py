"""The real Codex CLI under examination, with a scripted endpoint."""

from pathlib import Path
from typing import Any

import pytest

from overnight.doctor import Status
from overnight.testing.responses import (
    MODEL,
    OUT_OF_CREDIT,
    Message,
    Refusal,
    ResponsesServer,
)
from overnight.testing.studies import TinyStudy

from .conftest import Examine, ExamineAll, Make

pytestmark = [pytest.mark.codex, pytest.mark.usefixtures("no_keys")]
BUBBLEWRAP = {"kind": "bubblewrap"}


@pytest.fixture
def study(make: Make, server: ResponsesServer, codex_binary: Path) -> TinyStudy:
    return make(sandbox=BUBBLEWRAP, researcher=researcher(server, codex_binary))


def researcher(server: ResponsesServer, binary: Path, **table: Any) -> dict[str, Any]:
    options = {"binary": str(binary), **server.codex_options()}
    return {"kind": "codex", "model": MODEL, "options": options, **table}


def test_an_agent_that_is_ready(
    study: TinyStudy, server: ResponsesServer, examine_all: ExamineAll
) -> None:
    server.play([Message("OK")])
    found = examine_all(study, "agent", call=True)
    assert {it.status for name, it in found.items() if name != "agent.proposes"} == {Status.OK}
    assert found["agent.program"].finding.endswith("starts inside.")
    assert found["agent.call"].finding == "The agent answered."
    assert len(server.requests) == 1


def test_no_call_without_leave(study: TinyStudy, server: ResponsesServer, examine: Examine) -> None:
    result = examine(study, "agent.call")
    assert (result.status, result.fix) == (Status.SKIPPED, "Allow it with --call.")
    assert server.requests == []


@pytest.mark.parametrize(
    ("turn", "kind"),
    [
        (Refusal(401, "Incorrect API key provided."), "authentication"),
        (OUT_OF_CREDIT, "quota"),
        (Refusal(400, "The model does not exist."), "rejected"),
    ],
)
def test_a_call_that_is_refused_is_named(
    turn: Refusal, kind: str, study: TinyStudy, server: ResponsesServer, examine: Examine
) -> None:
    server.play([turn])
    result = examine(study, "agent.call", call=True)
    assert result.status is Status.FAILED
    assert result.finding.startswith(f"The call failed ({kind}): ")


def test_an_endpoint_that_is_gone(
    study: TinyStudy, server: ResponsesServer, examine: Examine
) -> None:
    server.close()
    result = examine(study, "agent.endpoint")
    assert (result.status, "cannot be reached" in result.finding) == (Status.FAILED, True)


@pytest.mark.parametrize(
    ("network", "words"),
    [("off", 'researcher.network = "needed"'), (["127.0.0.1:9999"], "researcher.network")],
)
def test_a_network_that_does_not_lead_there(
    network: Any, words: str, study: TinyStudy, examine: Examine
) -> None:
    agent = study.load().researcher
    table = {"kind": "codex", "options": agent.options, "network": network}
    study.configure(sandbox=BUBBLEWRAP, researcher=table)
    result = examine(study, "agent.endpoint")
    assert result.status is Status.FAILED
    assert words in result.fix


def test_a_sandbox_of_codexs_own_hides_the_gpu(
    make: Make, server: ResponsesServer, codex_binary: Path, examine: Examine
) -> None:
    agent = researcher(server, codex_binary)
    agent["options"]["sandbox"] = "workspace-write"
    result = examine(make(sandbox=BUBBLEWRAP, researcher=agent), "agent.sees-gpu")
    assert (result.status, "hides the GPU" in result.finding) == (Status.WARNING, True)
    assert "Remove researcher.options.sandbox" in result.fix


def test_another_version_and_other_options(
    make: Make, server: ResponsesServer, tmp_path: Path, examine_all: ExamineAll
) -> None:
    old = tmp_path / "old" / "codex"
    old.parent.mkdir()
    old.write_text('#!/bin/sh\ncase $1 in exec) echo "  --json";; *) echo codex-cli 0.1.0;; esac\n')
    old.chmod(0o755)
    study = make(sandbox=BUBBLEWRAP, researcher=researcher(server, old))
    found = examine_all(study, "agent.program", "agent.options")
    assert found["agent.program"].status is Status.WARNING
    assert "codex-cli 0.1.0" in found["agent.program"].finding
    assert found["agent.options"].status is Status.FAILED
    assert "--output-schema" in found["agent.options"].finding


def test_codex_that_is_not_installed(
    make: Make, examine_all: ExamineAll, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make(researcher={"kind": "codex", "options": {"binary": "/no/codex"}})
    found = examine_all(study, "agent.program", "agent.options")
    assert "npm install -g @openai/codex" in found["agent.program"].fix
    assert found["agent.options"].status is Status.FAILED
