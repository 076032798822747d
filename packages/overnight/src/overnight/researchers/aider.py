"""aider without a terminal: one ``aider --message-file`` per proposal."""

import re
from collections.abc import Iterable, Mapping

from overnight.errors import RequestRejected
from overnight.researchers.agent.agent import Call, Start
from overnight.researchers.agent.failures import Wording
from overnight.researchers.agent.litellm import (
    LITELLM_ENV,
    LITELLM_PHRASES,
    LITELLM_PROVIDERS,
    litellm_endpoint,
    litellm_model,
)
from overnight.researchers.agent.options import EndpointOptions, check_options
from overnight.researchers.agent.programs import Program
from overnight.researchers.agent.providers import ProviderAgent
from overnight.researchers.agent.researcher import AgentResearcher
from overnight.researchers.agent.transcript import Transcript, as_object, objects, total
from overnight.researchers.base import Researcher, ResearcherSettings
from overnight.researchers.chat.blocks import parse
from overnight.researchers.drafts import as_count
from overnight.researchers.files import select
from overnight.types import JsonValue, Usage
from overnight.untrusted import read_small_file

_VERSION = "0.86.2"
_EVENTS, _SAID = "events.jsonl", "said.txt"
_MOST_BYTES = 2**26
_PRICES = ".aider/caches/model_prices_and_context_window.json"
_MOST_FILES, _MOST_CHARACTERS = 40, 200_000
_QUIET = (
    *("--yes-always", "--no-pretty", "--no-stream", "--no-fancy-input", "--no-gitignore"),
    *("--no-auto-commits", "--no-dirty-commits", "--no-auto-lint", "--no-suggest-shell-commands"),
    *("--no-check-update", "--no-show-release-notes", "--no-show-model-warnings"),
    *("--no-detect-urls", "--disable-playwright", "--analytics-disable", "--map-tokens", "0"),
    # Else it has the model sum up a talk that nobody goes on with.
    *("--max-chat-history-tokens", "1000000"),
)
_FAILURE = re.compile(r"^(?:litellm\.\w+: .*|Model .* has hit a token limit!)$", re.MULTILINE)
_RESPONSE = re.compile(r"^LLM RESPONSE .*$", re.MULTILINE)
_SPEAKER = "ASSISTANT "


class Aider(ProviderAgent):
    """aider, which is shown the editable files and answers with edits of them."""

    providers = LITELLM_PROVIDERS
    prompt = "aider.md"
    program = Program(
        "aider",
        "aider",
        f"pip install aider-chat=={_VERSION}",
        _VERSION,
        options=(
            *(word for word in _QUIET if word.startswith("--")),
            *("--model", "--message-file", "--analytics-log", "--llm-history-file"),
            *("--chat-history-file", "--input-history-file"),
        ),
    )
    wording = Wording("aider", phrases=(("token limit", RequestRejected), *LITELLM_PHRASES))

    def start(self, call: Call) -> Start:
        """One ``aider``, with the editable files that the brief names first."""
        home = call.assignment.home
        prices = home / _PRICES  # one that is there is not fetched
        prices.parent.mkdir(parents=True, exist_ok=True)
        prices.write_text('{"none": {}}', encoding="utf-8")
        arguments = (
            *_QUIET,
            *("--model", litellm_model(self.name, base_url=self.base_url)),
            *("--message-file", str(call.write("message.md", call.prompt))),
            *("--analytics-log", str(call.home / _EVENTS)),
            *("--llm-history-file", str(call.home / _SAID)),
            *("--chat-history-file", str(call.home / "chat.md")),
            *("--input-history-file", str(call.home / "input.txt")),
        )
        env = {
            **LITELLM_ENV,
            **litellm_endpoint(self.base_url),
            **self.keys(),
            "HOME": str(home),
            "COLUMNS": "1000",  # its messages stay on their lines
        }
        return Start((*arguments, *self.options.arguments, *_files(call)), env)

    def read(self, call: Call) -> Transcript:
        """Its own records of what was used and said; it ends with 0 whatever happens."""
        printed = read_small_file(call.events, most_bytes=_MOST_BYTES) or b""
        events = read_small_file(call.home / _EVENTS, most_bytes=_MOST_BYTES) or b""
        said = read_small_file(call.home / _SAID, most_bytes=_MOST_BYTES) or b""
        return read_records(
            printed.decode("utf-8", "replace"),
            events=objects(events.splitlines()),
            said=said.decode("utf-8", "replace"),
        )


def read_records(
    printed: str, *, events: Iterable[Mapping[str, JsonValue]], said: str
) -> Transcript:
    """What it did and how it ended.

    Args:
        events: Its analytics, which stay here.
        said: Its record of the talk with the model.
    """
    usages: list[Usage] = []
    asked = answered = 0
    for event in events:
        match event.get("event"):
            case "message_send_starting":
                asked += 1
            case "message_send":
                answered = asked
                usages.append(_usage(as_object(event.get("properties"))))
    completed = 0 < asked == answered
    failures = _FAILURE.findall(printed)
    usage = total(usages)
    return Transcript(
        completed=completed,
        message=parse(last_response(said)).prose,
        failure=failures[-1] if failures and not completed else "",
        usage=usage if usage is not None and usage.total_tokens else None,
    )


def last_response(said: str) -> str:
    """The model's last answer in aider's record of the talk."""
    answer = _RESPONSE.split(said)[-1] if _RESPONSE.search(said) else ""
    lines = [line for line in answer.splitlines() if line.startswith(_SPEAKER.rstrip())]
    return "\n".join(line.removeprefix(_SPEAKER.rstrip()).removeprefix(" ") for line in lines)


def _usage(properties: Mapping[str, JsonValue]) -> Usage:
    return Usage(
        input_tokens=as_count(properties.get("prompt_tokens")),
        output_tokens=as_count(properties.get("completion_tokens")),
    )


def _files(call: Call) -> list[str]:
    found = select(
        call.workspace,
        call.assignment.editable,
        brief=call.assignment.brief,
        most_characters=_MOST_CHARACTERS,
        most_files=_MOST_FILES,
    )
    return [f"--file={file.path}" for file in found.shown]


def create(settings: ResearcherSettings) -> Researcher:
    """The researcher for ``kind = "aider"``.

    Raises:
        AgentMisconfigured: Its options cannot work.
    """
    options = check_options(EndpointOptions, settings)
    return AgentResearcher(Aider(options, model=settings.model), settings)
