"""A scripted stand-in for a model's endpoint on loopback, to drive real agents without a model.

::

    with ResponsesServer([Shell("echo 1 > answer.txt"), Message("Wrote the answer.")]) as server:
        settings = ResearcherSettings("codex", model=MODEL, options=server.codex_options())
        ...
    assert server.requests[0].bearer == "the key"

Each request gets the next turn of the script; the last turn is repeated from then on. It speaks
OpenAI's Responses and Chat Completions APIs below `base_url`, and Anthropic's Messages and Google's
Gemini APIs below `root_url`.
"""

import json
import threading
from collections.abc import Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit

from overnight.testing.dialects.base import Dialect, Exchange
from overnight.testing.dialects.chat import CHAT
from overnight.testing.dialects.gemini import GEMINI
from overnight.testing.dialects.messages import MESSAGES
from overnight.testing.dialects.responses import RESPONSES
from overnight.testing.turns import (
    MODEL,
    OUT_OF_CREDIT,
    USAGE,
    Answer,
    Begun,
    Cut,
    Failure,
    Hang,
    Message,
    Patch,
    Raw,
    Refusal,
    Request,
    Shell,
    Turn,
)
from overnight.types import JsonValue

__all__ = [
    "MODEL",
    "OUT_OF_CREDIT",
    "USAGE",
    "Answer",
    "Cut",
    "Failure",
    "Hang",
    "Message",
    "Patch",
    "Raw",
    "Refusal",
    "Request",
    "ResponsesServer",
    "Shell",
    "Turn",
]

_DIALECTS = (RESPONSES, CHAT, MESSAGES, GEMINI)


class ResponsesServer:
    """Answers requests for responses from a script, in threads that closing does not wait for.

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
    def root_url(self) -> str:
        """What a client of Anthropic's or Google's takes as its base URL."""
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def base_url(self) -> str:
        """What a client of OpenAI's takes as its base URL."""
        return f"{self.root_url}/v1"

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
        path = urlsplit(self.path).path
        dialect = next((known for known in _DIALECTS if path.endswith(known.endings)), None)
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        if dialect is None:
            self._refuse(Refusal(404))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(headers, json.loads(content), path)
        number, turn = self.server.script.next_turn(request)
        self.close_connection = True
        with suppress(ConnectionError):
            match turn:
                case Refusal():
                    self._refuse(turn)
                case Raw(raw):
                    self._send(200, "text/event-stream", raw)
                case _:
                    self._play(dialect, Exchange(number, request, turn))

    def _play(self, dialect: Dialect, exchange: Exchange) -> None:
        if dialect.wants_stream(exchange.request):
            self._stream(dialect, exchange)
        elif isinstance(exchange.turn, Failure):
            self._refuse(Refusal(500, exchange.turn.message, code=exchange.turn.code))
        elif isinstance(exchange.turn, Answer) and dialect.whole is not None:
            self._send(200, "application/json", json.dumps(dialect.whole(exchange)).encode())
        self._wait_out(exchange.turn)

    def _stream(self, dialect: Dialect, exchange: Exchange) -> None:
        if isinstance(exchange.turn, Hang | Cut) and not exchange.turn.begun:
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for event in dialect.stream(exchange):
            self.wfile.write(event)

    def _wait_out(self, turn: Begun) -> None:
        if isinstance(turn, Hang):
            self.server.script.wait_until_closed()

    def _refuse(self, refusal: Refusal) -> None:
        error = {"message": refusal.message, "type": "scripted", "code": refusal.code}
        content = json.dumps({"error": error}).encode()
        self._send(refusal.status, "application/json", content, delay_s=refusal.retry_after_s)

    def _send(self, status: int, kind: str, content: bytes, *, delay_s: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if delay_s is not None:
            self.send_header("Retry-After", str(delay_s))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        """Say nothing; requests are recorded."""
