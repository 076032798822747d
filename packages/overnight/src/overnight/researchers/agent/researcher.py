"""A researcher that is a command-line agent: start it, watch it, read what it said."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from overnight.brief import one_line
from overnight.errors import AgentCrashed, ResearcherError
from overnight.processes.supervisor import Command, EndedBy, Ending, Limits
from overnight.researchers.agent.agent import Agent, Call
from overnight.researchers.agent.endings import crashed, refuse_ending
from overnight.researchers.agent.options import read_prompt
from overnight.researchers.agent.transcript import Transcript, read_draft
from overnight.researchers.base import AgentFacts, Assignment, ResearcherSettings
from overnight.researchers.drafts import MOST_READ_BYTES, last_line
from overnight.sandbox.base import Needs
from overnight.types import Draft, SandboxKind
from overnight.untrusted import read_small_file
from overnight.workspace.tree import discard

_QUESTION_S = 120.0
_KILLED_WAITING = (EndedBy.SILENCE, EndedBy.DEADLINE)


class AgentResearcher:
    """Runs an agent once per proposal, with a home of its own that is gone afterwards.

    Args:
        settings: The study's researcher.

    Raises:
        AgentMisconfigured: Its prompt cannot be read.
    """

    def __init__(self, agent: Agent, settings: ResearcherSettings) -> None:
        self._agent = agent
        self._limits = Limits(deadline_s=settings.deadline_s, silence_s=settings.silence_s)
        self._root = settings.root
        self._prompt = read_prompt(agent.options.prompt, root=settings.root, ours=agent.prompt)

    def version(self) -> str:
        """What the agent says of its version.

        Raises:
            AgentMissing: It is not installed.
            AgentCrashed: It does not say.
        """
        return self._agent.program.read_version(self._agent.find(root=self._root))

    def propose(self, assignment: Assignment) -> Draft:
        """Let the agent edit the clone.

        Raises:
            ResearcherError: It or its endpoint failed, fell silent or took too long.
            Stopped: The night was asked to stop.
        """
        with self._call(assignment, f"{self._prompt}\n{assignment.brief}") as call:
            transcript = self._run(call, self._limits)
        return read_draft(transcript, transcript.usage)

    def ask(self, question: str, assignment: Assignment) -> str:
        """What the agent answers to a short question.

        Raises:
            ResearcherError: It or its endpoint failed, fell silent or took too long.
            Stopped: It was asked to stop.
        """
        limits = replace(self._limits, deadline_s=min(self._limits.deadline_s, _QUESTION_S))
        with self._call(assignment, question, is_proposal=False) as call:
            return self._run(call, limits).message

    def facts(self, sandbox: SandboxKind) -> AgentFacts:
        """The agent's program and what it needs.

        Raises:
            AgentMissing: It is not installed.
        """
        program = self._agent.find(root=self._root)
        known = self._agent.program
        return AgentFacts(
            [str(program)],
            needs=Needs(self._agent.readable(program), self._agent.hosts()),
            version=known.version,
            tested=known.tested,
            help=known.help,
            options=known.options,
            cautions=self._agent.cautions(sandbox),
        )

    def key(self) -> str:
        """Where the agent's key comes from.

        Raises:
            AuthenticationFailed: There is none, or it cannot be one.
        """
        return self._agent.key()

    @contextmanager
    def _call(
        self, assignment: Assignment, prompt: str, *, is_proposal: bool = True, part: int = 1
    ) -> Iterator[Call]:
        """Nothing that one call leaves in its home can reach the next one."""
        home = Path(tempfile.mkdtemp(prefix="agent-", dir=assignment.home))
        call = Call(prompt, assignment, home, is_proposal=is_proposal, part=part)
        try:
            yield call
        finally:
            self._agent.clear_up(call)
            discard(home)

    def _run(self, call: Call, limits: Limits) -> Transcript:
        """Run the agent to a good end."""
        program = self._agent.find(root=self._root)
        start = self._agent.start(call)
        command = Command(
            argv=(str(program), *start.arguments),
            cwd=call.workspace,
            env={**self._agent.env(call), **start.env},
            stdin=start.stdin,
        )
        ending = call.assignment.room.run(
            command,
            output=call.events,
            errors=call.errors,
            limits=limits,
            needs=Needs(self._agent.readable(program), self._agent.hosts()),
        )
        transcript = self._agent.read(call)
        if ending.ended_by in _KILLED_WAITING and transcript.failure:
            raise self._failed(transcript)  # it was trying again and again
        name, usage = self._agent.program.agent, transcript.usage
        refuse_ending(ending, program=name, limits=limits, usage=usage)
        self._refuse_failure(ending, transcript, call.errors)
        return transcript

    def _refuse_failure(self, ending: Ending, transcript: Transcript, errors: Path) -> None:
        """Raise what a run means that ended by itself without completing its turn."""
        if ending.code == 0 and transcript.completed:
            return
        if transcript.failure:
            raise self._failed(transcript)
        name, usage = self._agent.program.agent, transcript.usage
        if ending.code == 0:
            raise AgentCrashed(f"{name} ended without completing its turn.", usage=usage)
        told = read_small_file(errors, most_bytes=MOST_READ_BYTES) or b""
        words = one_line(last_line(errors))
        raise self._agent.failed_start(told.decode("utf-8", "replace")) or crashed(
            ending, program=name, last_words=words, usage=usage
        )

    def _failed(self, transcript: Transcript) -> ResearcherError:
        return self._agent.wording.failed(
            transcript.failure,
            status=transcript.status,
            delay_s=transcript.delay_s,
            usage=transcript.usage,
        )
