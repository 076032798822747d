import json
from pathlib import Path
from typing import Any

import pytest

from overnight.researchers.base import Researcher, ResearcherSettings
from overnight.researchers.codex.researcher import CodexResearcher
from overnight.testing.researcher_contract import ResearcherContract
from overnight.testing.responses import (
    MODEL,
    Hang,
    Message,
    Refusal,
    ResponsesServer,
    Shell,
    Turn,
)

pytestmark = [pytest.mark.codex, pytest.mark.usefixtures("no_keys")]


class TestCodexContract(ResearcherContract):
    @pytest.fixture(autouse=True)
    def _endpoint(self, server: ResponsesServer, codex_binary: Path) -> None:
        self.server = server
        self.binary = str(codex_binary)

    def _codex(self, *script: Turn, **settings: Any) -> Researcher:
        self.server.play(script)
        options = self.server.codex_options(binary=self.binary)
        return CodexResearcher(ResearcherSettings("codex", MODEL, options=options, **settings))

    def editing(self, *, title: str) -> Researcher:
        edit = Shell("echo 1 > answer.txt; (setsid sleep 300 > /dev/null 2>&1 &)")
        message = Message(json.dumps({"title": title, "rationale": "r", "expected_effect": "e"}))
        return self._codex(edit, message, edit, message)

    def failing(self) -> Researcher:
        return self._codex(Refusal(500))

    def waiting(self, *, deadline_s: float) -> Researcher:
        return self._codex(Hang(), deadline_s=deadline_s)
