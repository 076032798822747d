"""A researcher that is any program: it edits the files of its working directory and ends.

The program reads its brief from the file named in ``OVERNIGHT_BRIEF``. The last line that it
prints becomes the title of its proposal, unless it writes a JSON object to the file named in
``OVERNIGHT_RESULT``::

    {"title": "...", "rationale": "...", "target": "val_loss", "commands": ["..."],
     "details": {...},
     "usage": {"input_tokens": 1, "cached_input_tokens": 0, "output_tokens": 1,
               "reasoning_tokens": 0, "cost_usd": 0.01}}
"""

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from overnight.brief import one_line
from overnight.processes.supervisor import Command, Limits
from overnight.researchers.agent.endings import crashed, refuse_ending
from overnight.researchers.agent.options import check_options
from overnight.researchers.base import (
    AgentFacts,
    Assignment,
    Researcher,
    ResearcherSettings,
)
from overnight.researchers.drafts import (
    MOST_READ_BYTES,
    as_cost,
    as_count,
    as_text,
    clean_draft,
    last_line,
    parse_object,
)
from overnight.types import Draft, JsonValue, SandboxKind, Usage
from overnight.untrusted import read_small_file

RESULT_FILE = "agent.result.json"
OUTPUT_FILE = "agent.stdout"
ERRORS_FILE = "agent.stderr"
_MOST_COMMANDS = 200


class CommandOptions(BaseModel):
    """``[researcher.options]`` for ``kind = "command"``.

    Attributes:
        command: A line of shell, or a program and its arguments.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: str | tuple[str, ...] = Field(min_length=1)

    @property
    def argv(self) -> tuple[str, ...]:
        """Program and arguments."""
        return ("/bin/sh", "-c", self.command) if isinstance(self.command, str) else self.command


class CommandResearcher:
    """Runs the user's program once per proposal, with the user's environment.

    Args:
        settings: The study's researcher; its model is handed on in ``OVERNIGHT_MODEL``.
    """

    def __init__(self, settings: ResearcherSettings) -> None:
        self._options = check_options(CommandOptions, settings)
        self._limits = Limits(deadline_s=settings.deadline_s, silence_s=settings.silence_s)
        self._model = settings.model

    def facts(self, sandbox: SandboxKind) -> AgentFacts:  # noqa: ARG002 (the interface)
        """The program that it starts."""
        return AgentFacts([_first_program(self._options.argv)])

    def key(self) -> str:
        """Keys are the program's own business."""
        return ""

    def propose(self, assignment: Assignment) -> Draft:
        """Run the program in the clone.

        Raises:
            ResearcherError: It failed, fell silent or took too long.
            Stopped: The night was asked to stop.
        """
        result_file = assignment.outbox / RESULT_FILE
        command = Command(
            argv=self._options.argv,
            cwd=assignment.workspace,
            env=self._environment(assignment, result_file),
        )
        output, errors = assignment.trial_dir / OUTPUT_FILE, assignment.trial_dir / ERRORS_FILE
        ending = assignment.room.run(command, output=output, errors=errors, limits=self._limits)
        result = parse_object(read_small_file(result_file, most_bytes=MOST_READ_BYTES) or b"") or {}
        usage = _usage(result.get("usage"))
        refuse_ending(ending, program="The command", limits=self._limits, usage=usage)
        if ending.code != 0:
            words = one_line(last_line(errors) or last_line(output))
            raise crashed(ending, program="The command", last_words=words, usage=usage)
        return clean_draft(
            as_text(result.get("title")) or last_line(output),
            as_text(result.get("rationale")),
            details=_object(result.get("details")),
            usage=usage,
            target=as_text(result.get("target")),
            commands=_texts(result.get("commands")),
        )

    def _environment(self, assignment: Assignment, result_file: Path) -> dict[str, str]:
        return {
            **os.environ,
            "PWD": str(assignment.workspace),
            "OVERNIGHT_BRIEF": str(assignment.brief_path),
            "OVERNIGHT_TRIAL": str(assignment.trial),
            "OVERNIGHT_WORKSPACE": str(assignment.workspace),
            "OVERNIGHT_HOME": str(assignment.home),
            "OVERNIGHT_METRIC": assignment.objective.metric,
            "OVERNIGHT_GOAL": assignment.objective.goal.value,
            "OVERNIGHT_INCUMBENT": assignment.incumbent_commit,
            "OVERNIGHT_RESULT": str(result_file),
            "OVERNIGHT_MODEL": self._model or "",
        }


def _first_program(argv: Sequence[str]) -> str:
    """What is started: of a line of shell its first word that sets no variable."""
    if argv[:2] != ("/bin/sh", "-c"):
        return argv[0]
    try:
        words = shlex.split(argv[2])
    except ValueError:
        return argv[0]
    return next((word for word in words if "=" not in word), argv[0])


def _usage(value: JsonValue) -> Usage | None:
    told = _object(value)
    if not told:
        return None
    return Usage(
        input_tokens=as_count(told.get("input_tokens")),
        cached_input_tokens=as_count(told.get("cached_input_tokens")),
        output_tokens=as_count(told.get("output_tokens")),
        reasoning_tokens=as_count(told.get("reasoning_tokens")),
        cost_usd=as_cost(told.get("cost_usd")),
    )


def _texts(value: JsonValue) -> tuple[str, ...]:
    told = value if isinstance(value, list) else []
    return tuple(one_line(as_text(item)) for item in told[:_MOST_COMMANDS])


def _object(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, Mapping) else {}


def create(settings: ResearcherSettings) -> Researcher:
    """The researcher for ``kind = "command"``.

    Raises:
        AgentMisconfigured: Its options cannot work.
    """
    return CommandResearcher(settings)
