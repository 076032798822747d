import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from overnight.testing.studies import TinyStudy, make_study

Make = Callable[..., TinyStudy]


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVERNIGHT_WORK", str(tmp_path / "work"))


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A study whose first three trials teach what is usual."""

    def make(**tables: Any) -> TinyStudy:
        drift = {"burn_in": 3, "grace": 1, **tables.pop("drift", {})}
        watch = {"pause": False, "least_disk_gb": 0, "unmeasured": 99}
        return make_study(tmp_path / "study", drift=drift, watch=watch, **tables)

    return make


@pytest.fixture
def python(monkeypatch: pytest.MonkeyPatch) -> None:
    """What measured commands call ``python`` is this one."""
    places = (str(Path(sys.executable).parent), os.environ.get("PATH", ""))
    monkeypatch.setenv("PATH", os.pathsep.join(places))


@dataclass
class JudgeServer:
    """An OpenAI-compatible endpoint on loopback that says what it is told to.

    Attributes:
        body: What it answers with; a completion by `say`.
        asked: The requests so far.
    """

    base_url: str = ""
    body: str = ""
    status: int = 200
    content_type: str = "application/json"
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    def say(self, content: object) -> None:
        """Answer with a completion of such content."""
        self.body = json.dumps({"choices": [{"message": {"content": content}}]})


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Iterator[JudgeServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = JudgeServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # http.server calls it by this name
            content = self.rfile.read(int(self.headers["Content-Length"]))
            server.asked.append(json.loads(content))
            server.keys.append(self.headers["Authorization"])
            body = server.body.encode()
            self.send_response(server.status)
            self.send_header("Content-Type", server.content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base's name)
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.base_url = f"http://127.0.0.1:{http.server_port}/v1"
        thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        http.shutdown()
        thread.join()
