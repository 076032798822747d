"""The agents whose real programs are tried, and how a scripted model makes each do its work."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from overnight.errors import AgentMissing
from overnight.researchers.agent.programs import Program
from overnight.researchers.aider import Aider
from overnight.researchers.base import ResearcherSettings
from overnight.researchers.claude import Claude
from overnight.researchers.gemini import Gemini
from overnight.researchers.mini_swe_agent import MiniSweAgent
from overnight.researchers.opencode import Opencode
from overnight.testing.responses import MODEL, Message, ResponsesServer, Shell, Turn

EDIT = "echo 1 > answer.txt"
_LEFT_RUNNING = "; (setsid sleep 300 > /dev/null 2>&1 &)"
_MOST_IN_A_COMMAND = 50_000


def answer(title: str) -> str:
    """The JSON object that agents are asked to end with."""
    return json.dumps({"title": title, "rationale": "r", "target": "loss", "expected_effect": "e"})


def by_shell(title: str) -> list[Turn]:
    return [Shell(EDIT + _LEFT_RUNNING), Message(answer(title))]


def by_submission(title: str) -> list[Turn]:
    submit = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
    told = answer(title[:_MOST_IN_A_COMMAND])
    return [Shell(EDIT + _LEFT_RUNNING), Shell(f"{submit}; cat <<'END'\n{told}\nEND")]


def by_block(title: str) -> list[Turn]:
    block = "<<<<<<< SEARCH\n0\n=======\n1\n>>>>>>> REPLACE"
    title = title[:_MOST_IN_A_COMMAND]  # it takes minutes for more
    return [Message(f"{title}\n\nBecause.\n\nanswer.txt\n```\n{block}\n```\n")]


@dataclass(frozen=True, slots=True)
class RealAgent:
    """An agent that is installed, or not.

    Attributes:
        proposal: The turns in which a model edits a file and calls it a title.
        options: What lets it run commands without a sandbox around it.
        is_rooted: Whether its base URL is without ``/v1``.
    """

    kind: str
    program: Program
    proposal: Callable[[str], list[Turn]]
    model: str = MODEL
    options: Mapping[str, Any] = field(default_factory=dict)
    is_rooted: bool = False

    def require(self) -> None:
        """Skip a test without the program."""
        try:
            self.program.find(None, root=Path(__file__).parent)
        except AgentMissing as missing:
            pytest.skip(str(missing))

    def settings(self, server: ResponsesServer, **others: Any) -> ResearcherSettings:
        """What leads it to a scripted endpoint."""
        url = server.root_url if self.is_rooted else server.base_url
        options = {"base_url": url, **self.options, **others.pop("options", {})}
        return ResearcherSettings(self.kind, self.model, options=options, **others)


AGENTS = {
    it.kind: it
    for it in (
        RealAgent(
            "aider", Aider.program, by_block, options={"arguments": ["--edit-format", "diff"]}
        ),
        RealAgent(
            "claude",
            Claude.program,
            by_shell,
            # It runs as root without asking where this says that somebody looks after it.
            options={
                "permissions": "bypassPermissions",
                "env": ["IS_SANDBOX"],
                "request_retries": 0,
            },
            is_rooted=True,
        ),
        RealAgent(
            "gemini",
            Gemini.program,
            by_shell,
            "gemini-2.5-flash",
            options={"permissions": "yolo"},
            is_rooted=True,
        ),
        RealAgent("mini-swe-agent", MiniSweAgent.program, by_submission),
        RealAgent("opencode", Opencode.program, by_shell),
    )
}
