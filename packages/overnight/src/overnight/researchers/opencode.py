"""opencode without a terminal: one ``opencode run`` per proposal."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from overnight.errors import AuthenticationFailed, RequestRejected, ServerFailed
from overnight.researchers.agent.agent import Call, Start
from overnight.researchers.agent.failures import Wording
from overnight.researchers.agent.options import EndpointOptions, check_options
from overnight.researchers.agent.programs import Program
from overnight.researchers.agent.providers import GOOGLE, PROVIDERS, Provider, ProviderAgent
from overnight.researchers.agent.researcher import AgentResearcher
from overnight.researchers.agent.transcript import (
    Transcript,
    as_commands,
    as_object,
    objects,
    total,
)
from overnight.researchers.base import Researcher, ResearcherSettings
from overnight.researchers.drafts import as_count, as_text
from overnight.types import JsonValue, Usage
from overnight.untrusted import read_small_file

_VERSION = "1.18.33"
_ENDPOINT = "endpoint"
OPENCODE_PROVIDERS: Mapping[str, Provider] = {
    **PROVIDERS,
    "google": Provider("GOOGLE_GENERATIVE_AI_API_KEY", GOOGLE),
}
_QUIET: Mapping[str, str] = {
    "OPENCODE_DISABLE_AUTOUPDATE": "1",
    "OPENCODE_DISABLE_MODELS_FETCH": "1",
    "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
    "OPENCODE_DISABLE_SHARE": "1",
}
_PLACES = ("CONFIG", "DATA", "STATE")
_UNFINISHED = ("tool-calls", "length", "content-filter", "error", "unknown")
_CUT_SHORT = "the model's answer was cut short"
# Requests that failed and are sent again show in its log only.
_LOGGED = re.compile(r'level=ERROR .*message="stream error" .*error\.error="([^"]*)"')
_MOST_LOG_BYTES = 2**24


class Opencode(ProviderAgent):
    """opencode, with configuration, data and log of its own per call."""

    providers = OPENCODE_PROVIDERS
    program = Program(
        "opencode",
        "opencode",
        f"npm install -g opencode-ai@{_VERSION}",
        _VERSION,
        help=("run", "--help"),
        options=("--format", "--title", "--model", "--auto"),
    )
    wording = Wording(
        "opencode",
        phrases=(
            ("providerautherror", AuthenticationFailed),
            (_CUT_SHORT, RequestRejected),
            ("stream error", ServerFailed),
        ),
    )

    def start(self, call: Call) -> Start:
        """One ``opencode run``; the title spares a call of the model for one."""
        model = self.name if self.base_url is None else f"{_ENDPOINT}/{self.name}"
        confined = ("--auto",) if call.is_confined else ()
        arguments = ("run", "--format", "json", "--title", "trial", "--model", model)
        # In a sandbox of ours the cache is private anyway, and its commands find packages there.
        names = _PLACES if call.is_confined else (*_PLACES, "CACHE")
        places = {f"XDG_{name}_HOME": str(call.directory(name.lower())) for name in names}
        config = call.write("opencode.json", json.dumps(self._config()))
        env = {
            **_QUIET,
            **places,
            **self.keys(),
            "OPENCODE_CONFIG": str(config),
            "npm_config_cache": str(call.home / "npm"),  # it installs its plugins' library
        }
        return Start((*arguments, *confined, *self.options.arguments), env, stdin=call.prompt)

    def read(self, call: Call) -> Transcript:
        """Its events, and of a run that was killed while trying again what its log says."""
        with call.events.open("rb") as lines:
            transcript = read_events(objects(lines))
        if transcript.completed or transcript.failure:
            return transcript
        return replace(transcript, failure=logged_failure(call.home / "data" / "opencode" / "log"))

    def _config(self) -> dict[str, JsonValue]:
        """What leads it to an endpoint of one's own."""
        if self.base_url is None:
            return {}
        key = "{env:OPENAI_API_KEY}"
        provider: dict[str, JsonValue] = {
            "npm": "@ai-sdk/openai-compatible",
            "options": {"baseURL": self.base_url, "apiKey": key},
            "models": {self.name: {}},
        }
        return {"provider": {_ENDPOINT: provider}}


def read_events(events: Iterable[Mapping[str, JsonValue]]) -> Transcript:
    """What its events say."""
    message, failure, reason = "", "", ""
    status: int | None = None
    usages: list[Usage] = []
    commands: list[JsonValue] = []
    for event in events:
        part = as_object(event.get("part"))
        match event.get("type"):
            case "text":
                message = as_text(part.get("text"))
            case "tool_use" if part.get("tool") == "bash":
                state = as_object(part.get("state"))
                commands.append(as_object(state.get("input")).get("command"))
            case "step_finish":
                reason = as_text(part.get("reason"))
                usages.append(_usage(as_object(part.get("tokens"))))
            case "error":
                failure, status = _failure(as_object(event.get("error")))
    if not failure and reason == "length":
        failure = _CUT_SHORT
    usage = total(usages)
    return Transcript(
        completed=bool(reason) and reason not in _UNFINISHED and not failure,
        message=message,
        failure=failure,
        usage=usage if usage is not None and usage.total_tokens else None,
        commands=as_commands(commands),
        status=status,
    )


def logged_failure(directory: Path) -> str:
    """What the last request failed of, as its log says; an empty string where it does not."""
    for log in sorted(directory.glob("*.log"), reverse=True):
        told = read_small_file(log, most_bytes=_MOST_LOG_BYTES) or b""
        found = _LOGGED.findall(told.decode("utf-8", "replace"))
        if found:
            return f"stream error: {found[-1]}"
    return ""


def _failure(error: Mapping[str, JsonValue]) -> tuple[str, int | None]:
    data = as_object(error.get("data"))
    name = as_text(error.get("name")) or "error"
    return as_text(data.get("message")) or name, as_count(data.get("statusCode"))


def _usage(tokens: Mapping[str, JsonValue]) -> Usage:
    """In our count, input has what came from the cache in it, and output the reasoning."""
    cache = as_object(tokens.get("cache"))
    read, written = as_count(cache.get("read")) or 0, as_count(cache.get("write")) or 0
    reasoning = as_count(tokens.get("reasoning")) or 0
    return Usage(
        input_tokens=(as_count(tokens.get("input")) or 0) + read + written,
        cached_input_tokens=read,
        output_tokens=(as_count(tokens.get("output")) or 0) + reasoning,
        reasoning_tokens=reasoning,
    )


def create(settings: ResearcherSettings) -> Researcher:
    """The researcher for ``kind = "opencode"``.

    Raises:
        AgentMisconfigured: Its options cannot work.
    """
    options = check_options(EndpointOptions, settings)
    return AgentResearcher(Opencode(options, model=settings.model), settings)
