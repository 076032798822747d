"""What differs from agent to agent; everything else is in `AgentResearcher`."""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from overnight.errors import ResearcherError
from overnight.researchers.agent.failures import Wording
from overnight.researchers.agent.options import AgentOptions
from overnight.researchers.agent.programs import Program, installation
from overnight.researchers.agent.transcript import Transcript
from overnight.researchers.base import Assignment
from overnight.types import SandboxKind

EVENTS_FILE = "agent.jsonl"
ERRORS_FILE = "agent.stderr"
_INHERITED = ("PATH", "HOME", "USER", "SHELL", "LANG", "LC_ALL")
_UNCONFINED = "{agent} runs its commands with your rights; nothing confines them."
_CONFINE = 'Write sandbox = "bubblewrap" in the study.'


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an agent.

    Attributes:
        prompt: What it is asked.
        is_proposal: Whether it is to end with the description of a proposal.
        home: A private directory that is removed after the call.
        part: Which call of a proposal's it is, from one.
    """

    prompt: str
    assignment: Assignment
    home: Path
    is_proposal: bool = True
    part: int = 1

    @property
    def workspace(self) -> Path:
        """The clone."""
        return self.assignment.workspace

    @property
    def events(self) -> Path:
        """What it prints."""
        return self._log(EVENTS_FILE)

    @property
    def errors(self) -> Path:
        """What it complains of."""
        return self._log(ERRORS_FILE)

    @property
    def sandbox(self) -> SandboxKind:
        """What confines it."""
        return self.assignment.room.kind

    @property
    def is_confined(self) -> bool:
        """Whether a sandbox of ours stands around it."""
        return self.sandbox is not SandboxKind.NONE

    def _log(self, name: str) -> Path:
        head, _, ending = name.rpartition(".")
        number = "" if self.part == 1 else f"-{self.part}"
        return self.assignment.trial_dir / f"{head}{number}.{ending}"

    def directory(self, name: str) -> Path:
        """A directory in its home."""
        path = self.home / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, name: str, text: str) -> Path:
        """Put a file into its home."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path


@dataclass(frozen=True, slots=True)
class Start:
    """How a call begins.

    Attributes:
        arguments: Of the agent's program.
        env: Beside the few variables that every agent gets.
        stdin: What it reads, or None for nothing.
    """

    arguments: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: str | None = None


class Agent(ABC):
    """A command-line agent that can be started without a terminal.

    Attributes:
        program: Its program.
        wording: How it words its failures.
        prompt: The name of the text of ours that goes before its brief.
    """

    program: ClassVar[Program]
    wording: ClassVar[Wording]
    prompt: ClassVar[str] = "agent.md"

    def __init__(self, options: AgentOptions, *, model: str | None) -> None:
        self.options = options
        self.model = model

    @abstractmethod
    def start(self, call: Call) -> Start:
        """How to start it.

        Raises:
            ResearcherError: It cannot be started, as without a key.
        """

    @abstractmethod
    def read(self, call: Call) -> Transcript:
        """What it said, also when it was killed; never trusts what it finds."""

    @abstractmethod
    def hosts(self) -> tuple[str, ...]:
        """The network hosts that it needs."""

    @abstractmethod
    def key(self) -> str:
        """Where its key comes from, in a few words; an empty string where it needs none.

        Raises:
            AuthenticationFailed: There is none, or it cannot be one.
        """

    def find(self, *, root: Path) -> Path:
        """Its program.

        Raises:
            AgentMissing: It is not installed.
        """
        return self.program.find(self.options.binary, root=root)

    def readable(self, program: Path) -> tuple[Path, ...]:
        """What the program needs to read of its own."""
        return installation(program)

    def env(self, call: Call) -> dict[str, str]:
        """The few variables that every agent gets of the user's, and those that were asked for."""
        passed = (*_INHERITED, *self.options.env)
        inherited = {name: os.environ[name] for name in passed if name in os.environ}
        return {**inherited, "TMPDIR": str(call.directory("tmp")), "PWD": str(call.workspace)}

    def failed_start(self, complaint: str) -> ResearcherError | None:  # noqa: ARG002 (for some)
        """The error in what it complained of when it refused its settings."""
        return None

    def cautions(self, sandbox: SandboxKind) -> list[tuple[str, str]]:
        """What its settings do that one may not expect, each with what to do about it."""
        if sandbox is not SandboxKind.NONE:
            return []
        return [(_UNCONFINED.format(agent=self.program.agent), _CONFINE)]

    def clear_up(self, call: Call) -> None:  # noqa: B027 (most leave nothing)
        """Take what has to outlive the call out of its home."""
