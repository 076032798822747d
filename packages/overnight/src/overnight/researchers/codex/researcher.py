"""What Codex does otherwise than other agents: one ``codex exec`` per proposal."""

import os
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from overnight.errors import ResearcherError
from overnight.researchers.agent.agent import ERRORS_FILE, EVENTS_FILE, Agent, Call, Start
from overnight.researchers.agent.options import check_options
from overnight.researchers.agent.programs import Program
from overnight.researchers.agent.researcher import AgentResearcher
from overnight.researchers.agent.transcript import Transcript, output_schema
from overnight.researchers.base import Researcher, ResearcherSettings
from overnight.researchers.codex.binary import CODEX, find_binary, own_files
from overnight.researchers.codex.events import read_rollout_usage, read_transcript
from overnight.researchers.codex.failures import WORDING, failed_start
from overnight.researchers.codex.home import describe_key, furnish, return_login, rollouts
from overnight.researchers.codex.options import CodexOptions, codex_config, hosts
from overnight.types import SandboxKind

__all__ = ["ERRORS_FILE", "EVENTS_FILE", "Codex", "CodexResearcher", "create"]

_HIDES = "Codex's own sandbox, workspace-write, hides the GPU and caches from the agent's commands."
_LET_US = 'Write sandbox = "bubblewrap" in the study: where we confine it, Codex need not.'
_DO_NOT = "Remove researcher.options.sandbox: we confine Codex already."


class Codex(Agent):
    """OpenAI's Codex CLI, with a home, a thread and a sandbox of its own per call."""

    program: ClassVar[Program] = CODEX
    wording = WORDING

    def __init__(self, options: CodexOptions, *, model: str | None) -> None:
        super().__init__(options, model=model)
        self._options = options

    def start(self, call: Call) -> Start:
        """One ``codex exec``; without a model Codex chooses its own default."""
        env = furnish(call, self._options, environ=os.environ)
        model = [] if self.model is None else ["--model", self.model]
        arguments = [
            "exec",
            "--json",
            "--skip-git-repo-check",
            "--sandbox",
            self._sandbox(call.sandbox),
            "--cd",
            str(call.workspace),
            *model,
            *self._options.arguments,
        ]
        if call.is_proposal:
            schema = call.write("answer.schema.json", output_schema())
            arguments += ["--output-schema", str(schema)]
        return Start((*arguments, "-"), env, stdin=call.prompt)

    def read(self, call: Call) -> Transcript:
        """Its event stream; a killed run tells its usage in its own records only."""
        with call.events.open("rb") as lines:
            transcript = read_transcript(lines)
        if transcript.usage is not None:
            return transcript
        return replace(transcript, usage=read_rollout_usage(rollouts(call)))

    def hosts(self) -> tuple[str, ...]:
        """The endpoint's, and those of a login."""
        return hosts(codex_config(self._options))

    def key(self) -> str:
        """Where Codex's key comes from."""
        return describe_key(self._options, environ=os.environ)

    def find(self, *, root: Path) -> Path:
        """The native program."""
        return find_binary(self._options.binary, root=root)

    def readable(self, program: Path) -> tuple[Path, ...]:
        """Its package."""
        return (own_files(program),)

    def failed_start(self, complaint: str) -> ResearcherError | None:
        """A configuration that it refuses."""
        return failed_start(complaint)

    def cautions(self, sandbox: SandboxKind) -> list[tuple[str, str]]:
        """Its own sandbox hides what measurements see."""
        if self._sandbox(sandbox) != "workspace-write":
            return []
        return [(_HIDES, _LET_US if sandbox is SandboxKind.NONE else _DO_NOT)]

    def clear_up(self, call: Call) -> None:
        """Outside of a night no later call goes on from a login that was renewed."""
        if not call.is_proposal:
            return_login(call, self._options, environ=os.environ)

    def _sandbox(self, around: SandboxKind) -> str:
        """Codex's own sandbox hides the GPU and caches, so ours takes its place where it can."""
        confined = around is not SandboxKind.NONE
        return self._options.sandbox or ("danger-full-access" if confined else "workspace-write")


class CodexResearcher(AgentResearcher):
    """Runs ``codex exec`` once per proposal.

    Args:
        settings: The study's researcher.

    Raises:
        AgentMisconfigured: The options cannot work.
    """

    def __init__(self, settings: ResearcherSettings) -> None:
        options = check_options(CodexOptions, settings)
        super().__init__(Codex(options, model=settings.model), settings)


def create(settings: ResearcherSettings) -> Researcher:
    """The researcher for ``kind = "codex"``.

    Raises:
        AgentMisconfigured: Its options cannot work.
    """
    return CodexResearcher(settings)
