"""One proposal by Codex: start it, watch it, read what it said."""

import os
from dataclasses import replace
from importlib import resources
from pathlib import Path

from overnight.brief import one_line
from overnight.errors import AgentCrashed, AgentMisconfigured
from overnight.processes.supervisor import Command, Ending, Limits
from overnight.researchers.agents import check_options, crashed, refuse_ending
from overnight.researchers.base import (
    AgentFacts,
    Assignment,
    Researcher,
    ResearcherSettings,
)
from overnight.researchers.codex.binary import (
    TESTED_VERSION,
    find_binary,
    installation,
    read_version,
)
from overnight.researchers.codex.events import (
    Transcript,
    output_schema,
    read_draft,
    read_rollout_usage,
    read_transcript,
)
from overnight.researchers.codex.failures import failed_start, failed_turn
from overnight.researchers.codex.home import CodexHome, describe_key
from overnight.researchers.codex.options import CodexOptions, codex_config, hosts
from overnight.researchers.drafts import MOST_READ_BYTES, last_line
from overnight.sandbox.base import Needs
from overnight.types import Draft, SandboxKind, Usage
from overnight.untrusted import read_small_file

EVENTS_FILE = "agent.jsonl"
ERRORS_FILE = "agent.stderr"
_QUESTION_S = 120.0
_HIDES = "Codex's own sandbox, workspace-write, hides the GPU and caches from the agent's commands."
_LET_US = 'Write sandbox = "bubblewrap" in the study: where we confine it, Codex need not.'
_DO_NOT = "Remove researcher.options.sandbox: we confine Codex already."


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
        prompt = f"{self._prompt}\n{assignment.brief}"
        with self._home(assignment) as home:
            schema = home.write("answer.schema.json", output_schema())
            transcript = self._run(
                assignment, home, prompt, "--output-schema", str(schema), limits=self._limits
            )
        return read_draft(transcript, transcript.usage)

    def ask(self, question: str, assignment: Assignment) -> str:
        """What the agent answers to a short question.

        Raises:
            ResearcherError: Codex or its endpoint failed, fell silent or took too long.
            Stopped: It was asked to stop.
        """
        limits = replace(self._limits, deadline_s=min(self._limits.deadline_s, _QUESTION_S))
        with self._home(assignment) as home:
            try:
                return self._run(assignment, home, question, limits=limits).message
            finally:
                home.return_login()

    def facts(self, sandbox: SandboxKind) -> AgentFacts:
        """Codex's program and what it needs.

        Raises:
            AgentMissing: It is not installed.
        """
        program = self._program()
        return AgentFacts(
            [str(program)],
            needs=Needs((installation(program),), hosts(codex_config(self._options))),
            version=("--version",),
            tested=TESTED_VERSION,
            help=("exec", "--help"),
            options=("--json", "--skip-git-repo-check", "--sandbox", "--cd", "--output-schema"),
            cautions=self._cautions(sandbox),
        )

    def key(self) -> str:
        """Where Codex's key comes from.

        Raises:
            AuthenticationFailed: There is neither a key nor a login, or the key cannot be one.
        """
        return describe_key(self._options, environ=os.environ)

    def _cautions(self, around: SandboxKind) -> list[tuple[str, str]]:
        if self._sandbox(around) != "workspace-write":
            return []
        return [(_HIDES, _LET_US if around is SandboxKind.NONE else _DO_NOT)]

    def _home(self, assignment: Assignment) -> CodexHome:
        return CodexHome(assignment.home, self._options, environ=os.environ)

    def _run(
        self,
        assignment: Assignment,
        home: CodexHome,
        prompt: str,
        *arguments: str,
        limits: Limits,
    ) -> Transcript:
        """Run Codex to a good end; what it used is in the transcript as far as that is known."""
        program = self._program()
        events = assignment.trial_dir / EVENTS_FILE
        errors = assignment.trial_dir / ERRORS_FILE
        command = Command(
            argv=(str(program), *self._arguments(assignment), *arguments, "-"),
            cwd=assignment.workspace,
            env={**home.env, "PWD": str(assignment.workspace)},
            stdin=prompt,
        )
        ending = assignment.room.run(
            command,
            output=events,
            errors=errors,
            limits=limits,
            needs=Needs(readable=(installation(program),), hosts=home.hosts),
        )
        with events.open("rb") as lines:
            transcript = read_transcript(lines)
        usage = transcript.usage or read_rollout_usage(home.rollouts())
        refuse_ending(ending, program="Codex", limits=limits, usage=usage)
        _refuse_failure(ending, transcript, errors, usage)
        return replace(transcript, usage=usage)

    def _program(self) -> Path:
        return find_binary(self._options.binary, root=self._root)

    def _sandbox(self, around: SandboxKind) -> str:
        """Codex's own sandbox hides the GPU and caches, so ours takes its place where it can."""
        confined = around is not SandboxKind.NONE
        return self._options.sandbox or ("danger-full-access" if confined else "workspace-write")

    def _arguments(self, assignment: Assignment) -> list[str]:
        model = [] if self._model is None else ["--model", self._model]
        return [
            "exec",
            "--json",
            "--skip-git-repo-check",
            "--sandbox",
            self._sandbox(assignment.room.kind),
            "--cd",
            str(assignment.workspace),
            *model,
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
