"""Google's Gemini CLI without a terminal: one ``gemini`` per proposal."""

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal

from overnight.errors import AuthenticationFailed, QuotaExhausted, RequestRejected, StreamCut
from overnight.researchers.agent.agent import Agent, Call, Start
from overnight.researchers.agent.failures import Wording
from overnight.researchers.agent.keys import find_key, refuse_odd_key
from overnight.researchers.agent.options import EndpointOptions, check_options
from overnight.researchers.agent.programs import Program
from overnight.researchers.agent.providers import GOOGLE, NO_KEY
from overnight.researchers.agent.researcher import AgentResearcher
from overnight.researchers.agent.transcript import Transcript, as_commands, as_object, objects
from overnight.researchers.base import Researcher, ResearcherSettings
from overnight.researchers.drafts import as_count, as_text
from overnight.types import JsonValue, SandboxKind, Usage
from overnight.untrusted import read_small_file

_VERSION = "0.61.0"
_KEY = "GEMINI_API_KEY"
_SETTINGS: Mapping[str, JsonValue] = {
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
    "privacy": {"usageStatisticsEnabled": False},
    "telemetry": {"enabled": False},
}
# Its events do not tell a status, but what it complains of does.
_STATUS = re.compile(r"(?:\bstatus:?|\bcode:) (\d{3})\b")
_RETRYING = re.compile(r"Attempt \d+ failed with status \d{3}[^\n]*")
_BODY = re.compile(r"\[API Error: (.*)\]", re.DOTALL)
_MOST_COMPLAINT_BYTES = 2**24
_EDITS_ONLY = "Without a sandbox of ours, the Gemini CLI may edit files, but run no commands."
_CONFINE = 'Write sandbox = "bubblewrap" in the study, or researcher.options.permissions.'


class GeminiOptions(EndpointOptions):
    """``[researcher.options]`` for ``kind = "gemini"``.

    Attributes:
        base_url: An endpoint of the Gemini API other than Google's own, without a version.
        env_key: The variable that holds its key; without it none is sent.
        permissions: What it may do unasked; left out: everything inside a sandbox of ours, edit
            files without one.
    """

    permissions: Literal["yolo", "auto_edit", "default"] | None = None


class Gemini(Agent):
    """The Gemini CLI, with a home of its own per call."""

    program = Program(
        "The Gemini CLI",
        "gemini",
        f"npm install -g @google/gemini-cli@{_VERSION}",
        _VERSION,
        options=("--output-format", "--approval-mode", "--skip-trust", "--model"),
    )
    wording = Wording(
        "The Gemini CLI",
        phrases=(
            ("invalid auth method", AuthenticationFailed),
            ("exhausted your", QuotaExhausted),
            ("exceeded the token limit", RequestRejected),
            ("stream ended", StreamCut),
            ("fetch failed", StreamCut),
        ),
    )

    def __init__(self, options: GeminiOptions, *, model: str | None) -> None:
        super().__init__(options, model=model)
        self._options = options

    def start(self, call: Call) -> Start:
        """One ``gemini``; without a model it chooses its own default."""
        call.write(".gemini/settings.json", json.dumps(_SETTINGS))
        # Tools that must be asked for are not there at all without a terminal.
        permissions = self._permissions(call.sandbox)
        arguments = [
            *("--output-format", "stream-json", "--skip-trust"),
            *("--approval-mode", permissions),
            *(() if self.model is None else ("--model", self.model)),
            *self._options.arguments,
        ]
        env = {
            "GEMINI_CLI_HOME": str(call.home),
            "GEMINI_CLI_NO_RELAUNCH": "true",
            _KEY: self._find_key()[1] if self._variable else NO_KEY,
        }
        if self._options.base_url is not None:
            env["GOOGLE_GEMINI_BASE_URL"] = self._options.base_url
        return Start(tuple(arguments), env, stdin=call.prompt)

    def read(self, call: Call) -> Transcript:
        """Its events, and the status of a failure from what it complained of."""
        with call.events.open("rb") as lines:
            transcript = read_events(objects(lines))
        if transcript.completed:
            return transcript
        told = read_small_file(call.errors, most_bytes=_MOST_COMPLAINT_BYTES) or b""
        return with_complaint(transcript, told.decode("utf-8", "replace"))

    def hosts(self) -> tuple[str, ...]:
        """The endpoint's."""
        return (self._options.base_url or GOOGLE,)

    def key(self) -> str:
        """The variable that has the key."""
        if self._variable is None:
            return ""
        name, value = self._find_key()
        refuse_odd_key(name, value)
        return name

    def cautions(self, sandbox: SandboxKind) -> list[tuple[str, str]]:
        """What it may not do."""
        if self._permissions(sandbox) == "auto_edit":
            return [(_EDITS_ONLY, _CONFINE)]
        return super().cautions(sandbox)

    def _permissions(self, around: SandboxKind) -> str:
        confined = around is not SandboxKind.NONE
        return self._options.permissions or ("yolo" if confined else "auto_edit")

    @property
    def _variable(self) -> str | None:
        own = _KEY if self._options.base_url is None else None
        return self._options.env_key or own

    def _find_key(self) -> tuple[str, str]:
        return find_key([self._variable or _KEY], environ=os.environ)


def read_events(events: Iterable[Mapping[str, JsonValue]]) -> Transcript:
    """What its events say."""
    words: list[str] = []
    commands: list[JsonValue] = []
    failure = ""
    result: Mapping[str, JsonValue] = {}
    for event in events:
        match event.get("type"):
            case "message" if event.get("role") == "assistant":
                words.append(as_text(event.get("content")))
            case "tool_use":
                words.clear()
                if event.get("tool_name") == "run_shell_command":
                    commands.append(as_object(event.get("parameters")).get("command"))
            case "error" if event.get("severity") == "error":
                failure = as_text(event.get("message"))
            case "result":
                result = event
                told = as_text(as_object(event.get("error")).get("message"))
                failure = _bare(told) or failure
    completed = result.get("status") == "success"
    return Transcript(
        completed=completed,
        message="".join(words),
        failure="" if completed else failure,
        usage=_usage(as_object(result.get("stats"))),
        commands=as_commands(commands),
    )


def with_complaint(transcript: Transcript, complaint: str) -> Transcript:
    """A failure with what was complained of beside it: the last attempt, and the last status."""
    attempts = _RETRYING.findall(complaint)
    failure = transcript.failure or (attempts[-1] if attempts else "")
    statuses = _STATUS.findall(complaint)
    if not failure or not statuses or "stream ended" in failure:
        return replace(transcript, failure=failure)
    return replace(transcript, failure=failure, status=int(statuses[-1]))


def _bare(told: str) -> str:
    found = _BODY.fullmatch(told)
    return found[1] if found else told


def _usage(stats: Mapping[str, JsonValue]) -> Usage | None:
    """Its counts; thoughts are in the total alone."""
    given, everything = as_count(stats.get("input_tokens")), as_count(stats.get("total_tokens"))
    answer = as_count(stats.get("output_tokens"))
    if not given or everything is None or answer is None:
        return None
    output = max(answer, everything - given)
    return Usage(given, as_count(stats.get("cached")), output, output - answer)


def create(settings: ResearcherSettings) -> Researcher:
    """The researcher for ``kind = "gemini"``.

    Raises:
        AgentMisconfigured: Its options cannot work.
    """
    options = check_options(GeminiOptions, settings)
    return AgentResearcher(Gemini(options, model=settings.model), settings)
