"""Anthropic's Claude Code without a terminal: one ``claude --print`` per proposal."""

import os
from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import Field

from overnight.errors import RequestRejected, ServerFailed
from overnight.researchers.agent.agent import Agent, Call, Start
from overnight.researchers.agent.failures import Wording
from overnight.researchers.agent.keys import find_key, refuse_odd_key
from overnight.researchers.agent.options import EndpointOptions, check_options
from overnight.researchers.agent.programs import Program
from overnight.researchers.agent.providers import NO_KEY
from overnight.researchers.agent.researcher import AgentResearcher
from overnight.researchers.agent.transcript import (
    Transcript,
    as_commands,
    as_list,
    as_object,
    objects,
    total,
)
from overnight.researchers.base import Researcher, ResearcherSettings
from overnight.researchers.drafts import as_count, as_text
from overnight.types import JsonValue, SandboxKind, Usage

_VERSION = "2.1.197"
_HOST = "api.anthropic.com"
_KEYS = ("ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN")
_QUIET: Mapping[str, str] = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
}
_EDITS_ONLY = "Without a sandbox of ours, Claude Code may edit files, but run no commands."
_CONFINE = 'Write sandbox = "bubblewrap" in the study, or researcher.options.permissions.'


class ClaudeOptions(EndpointOptions):
    """``[researcher.options]`` for ``kind = "claude"``.

    Attributes:
        base_url: An endpoint of the Messages API other than Anthropic's own, without ``/v1``.
        env_key: The variable that holds its key, which is sent as a bearer's; without it none is.
        permissions: What it may do unasked; left out: everything inside a sandbox of ours, edit
            files without one.
        request_retries: How often a failed request is sent again.
    """

    permissions: Literal["bypassPermissions", "acceptEdits", "dontAsk", "default"] | None = None
    request_retries: int = Field(default=4, ge=0, le=100)


class Claude(Agent):
    """Claude Code, with a configuration directory of its own per call."""

    program = Program(
        "Claude Code",
        "claude",
        f"npm install -g @anthropic-ai/claude-code@{_VERSION}",
        _VERSION,
        options=(
            "--print",
            "--output-format",
            "--verbose",
            "--permission-mode",
            "--no-session-persistence",
            "--strict-mcp-config",
            "--model",
        ),
    )
    wording = Wording(
        "Claude Code",
        phrases=(
            ("econnreset", ServerFailed),
            ("econnrefused", ServerFailed),
            ("output token maximum", RequestRejected),
        ),
    )

    def __init__(self, options: ClaudeOptions, *, model: str | None) -> None:
        super().__init__(options, model=model)
        self._options = options

    def start(self, call: Call) -> Start:
        """One ``claude --print``; without a model it chooses its own default."""
        arguments = [
            *("--print", "--output-format", "stream-json", "--verbose"),
            *("--permission-mode", self._permissions(call.sandbox)),
            *("--no-session-persistence", "--strict-mcp-config"),
            *(() if self.model is None else ("--model", self.model)),
            *self._options.arguments,
        ]
        env = {
            **_QUIET,
            "CLAUDE_CONFIG_DIR": str(call.directory("config")),
            "CLAUDE_CODE_MAX_RETRIES": str(self._options.request_retries),
            **self._endpoint(),
        }
        if call.is_confined:
            env["IS_SANDBOX"] = "1"  # else it refuses to run as root without asking
        return Start(tuple(arguments), env, stdin=call.prompt)

    def read(self, call: Call) -> Transcript:
        """Its stream of messages."""
        with call.events.open("rb") as lines:
            return read_events(objects(lines))

    def hosts(self) -> tuple[str, ...]:
        """The endpoint's."""
        return (self._options.base_url or _HOST,)

    def key(self) -> str:
        """The variable that has the key, or the token of ``claude setup-token``."""
        names = self._variables
        if not names:
            return ""
        name, value = find_key(names, environ=os.environ)
        refuse_odd_key(name, value)
        return name

    def cautions(self, sandbox: SandboxKind) -> list[tuple[str, str]]:
        """What it may not do."""
        if self._permissions(sandbox) == "acceptEdits":
            return [(_EDITS_ONLY, _CONFINE)]
        return super().cautions(sandbox)

    @property
    def _variables(self) -> tuple[str, ...]:
        if self._options.env_key is not None:
            return (self._options.env_key,)
        return _KEYS if self._options.base_url is None else ()

    def _permissions(self, around: SandboxKind) -> str:
        confined = around is not SandboxKind.NONE
        return self._options.permissions or ("bypassPermissions" if confined else "acceptEdits")

    def _endpoint(self) -> dict[str, str]:
        key = find_key(self._variables, environ=os.environ) if self._variables else None
        if self._options.base_url is not None:
            token = NO_KEY if key is None else key[1]
            return {"ANTHROPIC_BASE_URL": self._options.base_url, "ANTHROPIC_AUTH_TOKEN": token}
        name, value = key or (_KEYS[0], NO_KEY)
        return {name if name in _KEYS else _KEYS[0]: value}


def read_events(events: Iterable[Mapping[str, JsonValue]]) -> Transcript:
    """What its messages say; those that went before a success are forgotten."""
    commands: list[JsonValue] = []
    requests: dict[str, Usage] = {}
    trouble: Mapping[str, JsonValue] = {}
    for event in events:
        match event.get("type"):
            case "assistant":
                trouble = {}
                message = as_object(event.get("message"))
                requests[as_text(message.get("id"))] = _usage(message.get("usage"))
                commands += _commands(message)
            case "system" if event.get("subtype") == "api_retry":
                trouble = event
            case "result":
                return _ended(event, as_commands(commands))
    return Transcript(
        failure=f"still retrying: {as_text(trouble.get('error'))}" if trouble else "",
        usage=_known(total(requests.values())),
        commands=as_commands(commands),
        status=as_count(trouble.get("error_status")),
    )


def _ended(result: Mapping[str, JsonValue], commands: tuple[str, ...]) -> Transcript:
    told = as_text(result.get("result"))
    is_error = result.get("is_error") is not False
    models = [_model_usage(used) for used in as_object(result.get("modelUsage")).values()]
    return Transcript(
        completed=not is_error,
        message="" if is_error else told,
        failure=(told or as_text(result.get("subtype"))) if is_error else "",
        usage=_known(total(models) or _usage(result.get("usage"))),
        commands=commands,
        status=as_count(result.get("api_error_status")),
    )


def _commands(message: Mapping[str, JsonValue]) -> list[JsonValue]:
    blocks = map(as_object, as_list(message.get("content")))
    calls = [block for block in blocks if block.get("name") == "Bash"]
    return [as_object(block.get("input")).get("command") for block in calls]


def _usage(value: JsonValue) -> Usage:
    told = as_object(value)
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    fresh, read, written = (as_count(told.get(name)) or 0 for name in names)
    return _counted(fresh, read, written, as_count(told.get("output_tokens")))


def _model_usage(value: JsonValue) -> Usage:
    told = as_object(value)
    names = ("inputTokens", "cacheReadInputTokens", "cacheCreationInputTokens")
    fresh, read, written = (as_count(told.get(name)) or 0 for name in names)
    return _counted(fresh, read, written, as_count(told.get("outputTokens")))


def _counted(fresh: int, read: int, written: int, output: int | None) -> Usage:
    """In our count what came from a cache, or went to it, is a part of the input."""
    return Usage(fresh + read + written, read, output)


def _known(usage: Usage | None) -> Usage | None:
    return usage if usage is not None and usage.total_tokens else None


def create(settings: ResearcherSettings) -> Researcher:
    """The researcher for ``kind = "claude"``.

    Raises:
        AgentMisconfigured: Its options cannot work.
    """
    options = check_options(ClaudeOptions, settings)
    return AgentResearcher(Claude(options, model=settings.model), settings)
