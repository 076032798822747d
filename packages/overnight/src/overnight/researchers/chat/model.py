"""The model as an agent like others: its program is our own small caller."""

import importlib.util
import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from overnight.errors import StreamCut
from overnight.researchers.agent.agent import Agent, Call, Start
from overnight.researchers.agent.failures import Wording
from overnight.researchers.agent.keys import find_key, refuse_odd_key
from overnight.researchers.agent.options import AgentOptions
from overnight.researchers.agent.programs import Program
from overnight.researchers.agent.transcript import Transcript, completion_usage, objects
from overnight.researchers.chat.options import ChatOptions
from overnight.researchers.drafts import as_count, as_text
from overnight.types import JsonValue, SandboxKind, Usage

_SOURCES = Path(__file__).parents[3]
_BOOT = (
    "import sys; sys.path += sys.argv[1:];"
    " from overnight.researchers.chat.caller import main; main()"
)
_MOST_DELAY_S = 3600.0
_MOST_CHARACTERS = 2**22
_CUT = "the answer broke off"
_ENDLESS = "the answer is longer than any edit can be"


class Model(Agent):
    """A model behind an endpoint of the Chat Completions API.

    Args:
        model: Its name as the endpoint knows it.
    """

    program = Program("The endpoint", "python3", "pip install openai", "", version=(), help=())
    wording = Wording("The endpoint", phrases=((_CUT, StreamCut),))
    prompt = "chat.md"

    def __init__(self, options: ChatOptions, *, model: str) -> None:
        super().__init__(AgentOptions(prompt=options.prompt, env=options.env), model=model)
        self._options = options

    def start(self, call: Call) -> Start:
        """One request; the call's prompt is its messages as JSON."""
        variable = self._options.key_variable
        keys = dict([find_key([variable], environ=os.environ)]) if variable else {}
        request = {
            "base_url": self._options.base_url,
            "key_variable": variable,
            "model": self.model,
            "messages": json.loads(call.prompt),
            "parameters": self._options.parameters,
            "retries": self._options.retries,
        }
        arguments = ("-I", "-c", _BOOT, *map(str, _import_path()))
        return Start(arguments, keys, stdin=json.dumps(request))

    def read(self, call: Call) -> Transcript:
        """Its text so far, and how it ended."""
        with call.events.open("rb") as lines:
            return read_events(objects(lines))

    def hosts(self) -> tuple[str, ...]:
        """The endpoint's."""
        return (self._options.base_url,)

    def key(self) -> str:
        """The variable with the key."""
        variable = self._options.key_variable
        if variable is None:
            return ""
        refuse_odd_key(*find_key([variable], environ=os.environ))
        return variable

    def find(self, *, root: Path) -> Path:  # noqa: ARG002 (the interface)
        """Our own interpreter."""
        return Path(sys.executable)

    def readable(self, program: Path) -> tuple[Path, ...]:  # noqa: ARG002 (the interface)
        """Where it imports from."""
        return _import_path()

    def cautions(self, sandbox: SandboxKind) -> list[tuple[str, str]]:  # noqa: ARG002 (likewise)
        """It runs no commands."""
        return []


def read_events(events: Iterable[Mapping[str, JsonValue]]) -> Transcript:
    """What came of a call."""
    texts: list[str] = []
    ended = False
    failure: Mapping[str, JsonValue] = {}
    usage: Usage | None = None
    for event in events:
        match event.get("type"):
            case "text":
                texts.append(as_text(event.get("text")))
            case "usage":
                usage = completion_usage(event.get("usage")) or usage
            case "end":
                ended = True
            case "failed":
                failure = event
    message = "".join(texts).encode("utf-8", "replace").decode()
    is_endless = len(message) > _MOST_CHARACTERS
    return Transcript(
        completed=ended and not failure and not is_endless,
        message="" if is_endless else message,
        failure=_ENDLESS if is_endless else _words(failure),
        usage=usage,
        status=as_count(failure.get("status")),
        delay_s=_delay_s(as_text(failure.get("delay"))),
    )


def _words(failure: Mapping[str, JsonValue]) -> str:
    words = as_text(failure.get("message")) or ("The call failed" if failure else "")
    is_cut = failure.get("begun") is True and failure.get("status") is None
    return f"{_CUT}: {words}" if is_cut else words


def _delay_s(text: str) -> float | None:
    """A delay in seconds; endpoints may also name a date, which is passed by."""
    try:
        delay_s = float(text)
    except ValueError:
        return None
    return delay_s if 0 <= delay_s <= _MOST_DELAY_S else None


def _import_path() -> tuple[Path, ...]:
    """Where the caller finds the openai package and itself."""
    found = importlib.util.find_spec("openai")
    installed = [Path(found.origin).parents[1]] if found and found.origin else []
    return (*installed, _SOURCES)
