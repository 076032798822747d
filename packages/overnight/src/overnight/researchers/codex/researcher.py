"""One proposal by Codex: start it, watch it, read what it said."""

import os
from importlib import resources
from pathlib import Path

from overnight.brief import one_line
from overnight.errors import AgentCrashed, AgentMisconfigured
from overnight.processes.supervisor import Command, Ending, Limits
from overnight.researchers.agents import check_options, crashed, refuse_ending
from overnight.researchers.base import Assignment, Researcher, ResearcherSettings
from overnight.researchers.codex.binary import find_binary, installation, read_version
from overnight.researchers.codex.events import (
    Transcript,
    output_schema,
    read_draft,
    read_rollout_usage,
    read_transcript,
)
from overnight.researchers.codex.failures import failed_start, failed_turn
from overnight.researchers.codex.home import CodexHome
from overnight.researchers.codex.options import CodexOptions
from overnight.researchers.drafts import MOST_READ_BYTES, last_line
from overnight.sandbox.base import Needs
from overnight.types import Draft, SandboxKind, Usage
from overnight.untrusted import read_small_file

EVENTS_FILE = "agent.jsonl"
ERRORS_FILE = "agent.stderr"


class CodexResearcher:
    """Runs ``codex exec`` once per proposal, with a home, a thread and a sandbox of its own.

    Args:
        settings: The study's researcher; without a model Codex chooses its own default.

    Raises:
        AgentMisconfigured: The options cannot work.
    """

    def __init__(self, settings: ResearcherSettings) -> None:
        self._options = check_options(CodexOptions, settings)
        self._model = settings.model
        self._limits = Limits(deadline_s=settings.deadline_s, silence_s=settings.silence_s)
        self._root = settings.root
        self._prompt = _read_prompt(self._options.prompt, root=settings.root)

    def version(self) -> str:
        """What Codex says of its version, such as ``codex-cli 0.169.0``.

        Raises:
            AgentMissing: It is not installed.
            AgentCrashed: It does not say.
        """
        return read_version(self._program())

    def propose(self, assignment: Assignment) -> Draft:
        """Let Codex edit the clone.

        Raises:
            ResearcherError: Codex or its endpoint failed, fell silent or took too long.
            Stopped: The night was asked to stop.
        """
        program = self._program()
        events = assignment.trial_dir / EVENTS_FILE
        errors = assignment.trial_dir / ERRORS_FILE
        with CodexHome(assignment.home, self._options, environ=os.environ) as home:
            command = Command(
                argv=(str(program), *self._arguments(assignment, home)),
                cwd=assignment.workspace,
                env={**home.env, "PWD": str(assignment.workspace)},
                stdin=f"{self._prompt}\n{assignment.brief}",
            )
            ending = assignment.room.run(
                command,
                output=events,
                errors=errors,
                limits=self._limits,
                needs=Needs(readable=(installation(program),), hosts=home.hosts),
            )
            with events.open("rb") as lines:
                transcript = read_transcript(lines)
            usage = transcript.usage or read_rollout_usage(home.rollouts())
        refuse_ending(ending, program="Codex", limits=self._limits, usage=usage)
        _refuse_failure(ending, transcript, errors, usage)
        return read_draft(transcript, usage)

    def _program(self) -> Path:
        return find_binary(self._options.binary, root=self._root)

    def _sandbox(self, assignment: Assignment) -> str:
        """Codex's own sandbox hides the GPU and caches, so ours takes its place where it can."""
        confined = assignment.room.kind is not SandboxKind.NONE
        return self._options.sandbox or ("danger-full-access" if confined else "workspace-write")

    def _arguments(self, assignment: Assignment, home: CodexHome) -> list[str]:
        schema = home.write("answer.schema.json", output_schema())
        model = [] if self._model is None else ["--model", self._model]
        return [
            "exec",
            "--json",
            "--skip-git-repo-check",
            "--sandbox",
            self._sandbox(assignment),
            "--cd",
            str(assignment.workspace),
            "--output-schema",
            str(schema),
            *model,
            "-",
        ]


def _refuse_failure(
    ending: Ending, transcript: Transcript, errors: Path, usage: Usage | None
) -> None:
    """Raise what a run means that ended by itself without completing its turn."""
    if ending.code == 0 and transcript.completed:
        return
    if ending.code == 0:
        raise AgentCrashed("Codex ended without completing its turn.", usage=usage)
    if transcript.failure:
        raise failed_turn(transcript.failure, usage=usage)
    complaint = (read_small_file(errors, most_bytes=MOST_READ_BYTES) or b"").decode(
        "utf-8", "replace"
    )
    words = one_line(last_line(errors))
    raise failed_start(complaint) or crashed(ending, program="Codex", last_words=words, usage=usage)


def _read_prompt(path: Path | None, *, root: Path) -> str:
    if path is None:
        shipped = resources.files("overnight.researchers").joinpath("prompts", "codex.md")
        return shipped.read_text(encoding="utf-8")
    try:
        return (root / path.expanduser()).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AgentMisconfigured(
            f"researcher.options.prompt = '{path}' cannot be read: {error}."
        ) from error


def create(settings: ResearcherSettings) -> Researcher:
    """The researcher for ``kind = "codex"``.

    Raises:
        AgentMisconfigured: Its options cannot work.
    """
    return CodexResearcher(settings)
