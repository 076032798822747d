"""Replay and scripted, judged by the contract of researchers."""

from overnight.errors import AgentCrashed
from overnight.researchers.base import Researcher
from overnight.researchers.replay import Patch, Replay
from overnight.researchers.scripted import Scripted, Step
from overnight.testing.researcher_contract import ResearcherContract

PATCH = b"""\
diff --git a/answer.txt b/answer.txt
--- a/answer.txt
+++ b/answer.txt
@@ -1 +1 @@
-0
+1
"""
TRIAL = 7


class TestReplayContract(ResearcherContract):
    def editing(self, *, title: str) -> Researcher:
        return Replay([Patch("0001.patch", title, PATCH)])

    def failing(self) -> Researcher:
        return Replay([Patch("0001.patch", "does not fit", PATCH.replace(b"-0", b"-8"))])


class TestScriptedContract(ResearcherContract):
    def editing(self, *, title: str) -> Researcher:
        return Scripted([Step(title, edits={"answer.txt": "1\n"})] * TRIAL)

    def failing(self) -> Researcher:
        return Scripted([Step("breaks", error=AgentCrashed("It broke."))] * TRIAL)
