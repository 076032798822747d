"""Other agents under examination, by their real programs, and a model without one."""

import shutil
from typing import Any

import pytest

from overnight.doctor import Status
from overnight.testing.responses import MODEL, Message, ResponsesServer, Shell, Turn

from .conftest import ExamineAll, Make

pytestmark = pytest.mark.usefixtures("no_keys")
OK = [Message("ok")]
SUBMITTED = [Shell("echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT; echo ok")]


@pytest.mark.agents
@pytest.mark.parametrize(
    ("kind", "script"),
    [
        ("aider", OK),
        ("claude", OK),
        ("gemini", OK),
        ("mini-swe-agent", SUBMITTED),
        ("opencode", OK),
    ],
)
def test_an_agent_that_is_ready(
    kind: str,
    script: list[Turn],
    make: Make,
    server: ResponsesServer,
    examine_all: ExamineAll,
) -> None:
    if shutil.which(kind.partition("-")[0]) is None:
        pytest.skip(f"{kind} is not installed")
    url = server.root_url if kind in {"claude", "gemini"} else server.base_url
    agent: dict[str, Any] = {"kind": kind, "model": MODEL, "options": {"base_url": url}}
    server.play(script)
    found = examine_all(make(sandbox={"kind": "bubblewrap"}, researcher=agent), "agent", call=True)
    troubles = {name: it for name, it in found.items() if it.status is not Status.OK}
    assert set(troubles) == {"agent.proposes"}
    assert found["agent.program"].finding.endswith("starts inside.")
    assert found["agent.call"].finding == "The agent answered."


def test_a_model_without_an_agent_is_ready(
    make: Make, server: ResponsesServer, examine_all: ExamineAll
) -> None:
    chat = {"kind": "chat", "model": MODEL, "options": {"base_url": server.base_url}}
    server.play(OK)
    study = make(sandbox={"kind": "bubblewrap"}, researcher=chat)
    found = examine_all(study, "agent", call=True)
    troubles = {name: it for name, it in found.items() if it.status is not Status.OK}
    assert set(troubles) == {"agent.proposes", "agent.options"}
    assert found["agent.endpoint"].finding.endswith("can be reached from inside.")
