"""The contract of researchers, by the real programs of agents against a scripted endpoint.

Each class is skipped where its program is not on PATH. They are slow to start, and these tests
with them: some need ten seconds for a call.
"""

from typing import Any, ClassVar

import pytest

from overnight.researchers.base import Researcher
from overnight.researchers.registry import create
from overnight.testing.researcher_contract import ResearcherContract
from overnight.testing.responses import Hang, Refusal, ResponsesServer, Turn

from .agents import AGENTS, RealAgent

pytestmark = [pytest.mark.agents, pytest.mark.usefixtures("no_keys")]


class AgentContract(ResearcherContract):
    """The contract for one agent."""

    agent: ClassVar[RealAgent]

    @pytest.fixture(autouse=True)
    def _endpoint(self, server: ResponsesServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.agent.require()
        monkeypatch.setenv("IS_SANDBOX", "1")
        self.server = server

    def _make(self, *script: Turn, **settings: Any) -> Researcher:
        self.server.play(script)
        return create(self.agent.settings(self.server, **settings))

    def editing(self, *, title: str) -> Researcher:
        turns = self.agent.proposal(title)
        return self._make(*turns, *turns)

    def failing(self) -> Researcher:
        return self._make(Refusal(401))

    def waiting(self, *, deadline_s: float) -> Researcher:
        return self._make(Hang(), deadline_s=deadline_s)


class TestAider(AgentContract):
    agent = AGENTS["aider"]


class TestClaude(AgentContract):
    agent = AGENTS["claude"]


class TestGemini(AgentContract):
    agent = AGENTS["gemini"]


class TestMiniSweAgent(AgentContract):
    agent = AGENTS["mini-swe-agent"]


class TestOpencode(AgentContract):
    agent = AGENTS["opencode"]
