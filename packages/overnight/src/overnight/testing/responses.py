"""A scripted stand-in for OpenAI's Responses API on loopback, to drive real agents without a model.

::

    with ResponsesServer([Shell("echo 1 > answer.txt"), Message("Wrote the answer.")]) as server:
        settings = ResearcherSettings("codex", model=MODEL, options=server.codex_options())
        ...
    assert server.requests[0].bearer == "the key"

Each request gets the next turn of the script; the last turn is repeated from then on.
"""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, TypeAlias

from overnight.types import JsonValue, Usage

MODEL = "scripted-model"
USAGE = Usage(input_tokens=100, cached_input_tokens=20, output_tokens=10, reasoning_tokens=3)


@dataclass(frozen=True, slots=True)
class Message:
    """The model says something, which ends an agent's turn.

    Attributes:
        usage: What the response says was used; None sends ``"usage": null``.
    """

    text: str
    usage: Usage | None = USAGE


@dataclass(frozen=True, slots=True)
class Shell:
    """The model asks for a shell command, by Codex's tool ``exec_command``."""

    command: str
    usage: Usage | None = USAGE


@dataclass(frozen=True, slots=True)
class Patch:
    """The model edits files in Codex's patch format, ``*** Begin Patch`` and on."""

    text: str
    usage: Usage | None = USAGE


@dataclass(frozen=True, slots=True)
class Refusal:
    """The request is answered with an HTTP error."""

    status: int
    message: str = "Scripted refusal."
    code: str | None = None
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """The stream begins well and then says ``response.failed``."""

    message: str
    code: str = "server_error"


@dataclass(frozen=True, slots=True)
class Hang:
    """Nothing more comes until the client leaves or the server closes.

    Attributes:
        begun: Whether headers and ``response.created`` come first.
    """

    begun: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection closes in the middle of the answer.

    Attributes:
        begun: Whether headers and ``response.created`` come first.
    """

    begun: bool = True


OUT_OF_CREDIT = Refusal(429, "You exceeded your current quota.", code="insufficient_quota")

Answer: TypeAlias = Message | Shell | Patch
Turn: TypeAlias = Answer | Refusal | Failure | Hang | Cut


@dataclass(frozen=True, slots=True)
class Request:
    """One request for a response, as it came in.

    Attributes:
        headers: Names in lower case.
    """

    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def bearer(self) -> str | None:
        """The key that was sent, or None without one."""
        scheme, _, key = self.headers.get("authorization", "").partition(" ")
        return key if scheme.lower() == "bearer" else None

    @property
    def text(self) -> str:
        """Everything that the model would read, as JSON."""
        return json.dumps(self.body.get("input"), ensure_ascii=False)


class ResponsesServer:
    """Answers ``POST /v1/responses`` from a script, in threads that closing does not wait for.

    Args:
        script: One turn per request; the last one is repeated.

    Attributes:
        requests: What was asked so far, oldest first.
    """

    def __init__(self, script: Sequence[Turn] = (Message("Done."),)) -> None:
        self.requests: list[Request] = []
        self._news = threading.Condition()
        self._closing = threading.Event()
        self.play(script)
        self._http = _Http(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def play(self, script: Sequence[Turn]) -> None:
        """Begin another script.

        Raises:
            ValueError: It has no turn.
        """
        if not script:
            raise ValueError("a script needs a turn")
        with self._news:
            self._script = list(script)

    @property
    def base_url(self) -> str:
        """What a client takes as its base URL."""
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def codex_options(self, **others: JsonValue) -> dict[str, JsonValue]:
        """Options of the codex researcher that lead it here, where a failure shows at once.

        Args:
            others: Further options, or other values for these.
        """
        quick: dict[str, JsonValue] = {"request_retries": 0, "stream_retries": 0}
        return {"base_url": self.base_url, **quick, **others}

    def codex_toml(self) -> str:
        """The ``[researcher]`` tables of a study file whose agent asks this server."""
        options = [f"{key} = {json.dumps(value)}" for key, value in self.codex_options().items()]
        head = ["[researcher]", 'kind = "codex"', f'model = "{MODEL}"', ""]
        return "\n".join([*head, "[researcher.options]", *options, ""])

    def wait_for_requests(self, count: int, *, timeout_s: float = 30.0) -> bool:
        """Wait until so many requests have come; returns whether they have."""
        with self._news:
            return self._news.wait_for(lambda: len(self.requests) >= count, timeout_s)

    def close(self) -> None:
        """Stop listening and let go of every client that hangs."""
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> "ResponsesServer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def next_turn(self, request: Request) -> tuple[int, Turn]:
        """Note a request; returns its number, from one, and its turn."""
        with self._news:
            self.requests.append(request)
            self._news.notify_all()
            turn = self._script.pop(0) if len(self._script) > 1 else self._script[0]
            return len(self.requests), turn

    def wait_until_closed(self) -> None:
        """Block until the server closes."""
        self._closing.wait()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, script: ResponsesServer) -> None:
        self.script = script
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # http.server calls it by this name
        # Codex asks for a WebSocket first and falls back at once when told to.
        self._refuse(Refusal(426 if "upgrade" in self.headers else 404))

    def do_POST(self) -> None:  # http.server calls it by this name
        if not self.path.endswith("/responses"):
            self._refuse(Refusal(404))
            return
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        number, turn = self.server.script.next_turn(Request(headers, json.loads(content)))
        with suppress(ConnectionError):
            self._play(number, turn)

    def _play(self, number: int, turn: Turn) -> None:
        self.close_connection = True
        if isinstance(turn, Refusal):
            self._refuse(turn)
            return
        if not isinstance(turn, Hang | Cut) or turn.begun:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            for event in _events(number, turn):
                self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        if isinstance(turn, Hang):
            self.server.script.wait_until_closed()

    def _refuse(self, refusal: Refusal) -> None:
        error = {"message": refusal.message, "type": "scripted", "code": refusal.code}
        content = json.dumps({"error": error}).encode()
        self.send_response(refusal.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if refusal.retry_after_s is not None:
            self.send_header("Retry-After", str(refusal.retry_after_s))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        """Say nothing; requests are recorded."""


def _events(number: int, turn: Answer | Failure | Hang | Cut) -> Iterator[dict[str, Any]]:
    """The stream of a response, as far as the turn lets it come."""
    identity = {"id": f"resp_{number}"}
    yield {"type": "response.created", "response": identity}
    match turn:
        case Failure(message, code):
            error = {"code": code, "message": message}
            yield {"type": "response.failed", "response": {**identity, "error": error}}
        case Message() | Shell() | Patch():
            yield {"type": "response.output_item.done", "item": _item(number, turn)}
            usage = None if turn.usage is None else _usage(turn.usage)
            yield {"type": "response.completed", "response": {**identity, "usage": usage}}


def _item(number: int, answer: Answer) -> dict[str, Any]:
    if isinstance(answer, Message):
        content = [{"type": "output_text", "text": answer.text}]
        return {
            "type": "message",
            "role": "assistant",
            "id": f"msg_{number}",
            "content": content,
        }
    command = answer.command if isinstance(answer, Shell) else _heredoc(answer.text)
    return {
        "type": "function_call",
        "id": f"fc_{number}",
        "call_id": f"call_{number}",
        "name": "exec_command",
        "arguments": json.dumps({"cmd": command}),
    }


def _heredoc(patch: str) -> str:
    return f"apply_patch <<'EOF'\n{patch.strip()}\nEOF\n"


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens or 0,
        "input_tokens_details": {"cached_tokens": usage.cached_input_tokens or 0},
        "output_tokens": usage.output_tokens or 0,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": usage.total_tokens,
    }
