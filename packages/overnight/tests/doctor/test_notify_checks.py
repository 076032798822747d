"""Messages, to a real server on loopback."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from overnight.doctor import Status

from .conftest import Examine, Make


class Mailbox(BaseHTTPRequestHandler):
    received: list[bytes]

    def do_POST(self) -> None:
        self.received.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200 if self.path == "/yes" else 403)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mailbox() -> Iterator[HTTPServer]:
    Mailbox.received = []
    with HTTPServer(("127.0.0.1", 0), Mailbox) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()


def url(mailbox: HTTPServer, path: str) -> str:
    return f"json://127.0.0.1:{mailbox.server_port}/{path}"


def test_nobody_to_tell(make: Make, examine: Examine) -> None:
    assert examine(make(), "notify.urls").status is Status.SKIPPED


def test_urls_that_cannot_be(make: Make, examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    study = make(notify={"urls": ["nonsense"]})
    assert "no URL that apprise knows" in examine(study, "notify.urls").finding
    study.configure(notify={"urls": ["json://${MY_HOST}/x"]})
    assert "needs MY_HOST" in examine(study, "notify.urls").finding
    monkeypatch.setenv("MY_HOST", "localhost")
    assert examine(study, "notify.urls").status is Status.OK


def test_a_message_is_sent_only_where_that_is_asked_for(
    make: Make, examine: Examine, mailbox: HTTPServer
) -> None:
    study = make(notify={"urls": [url(mailbox, "yes")]})
    assert examine(study, "notify.delivery").fix == "Send one with --notify."
    assert Mailbox.received == []
    assert examine(study, "notify.delivery", notify=True).status is Status.OK
    assert b"a test" in Mailbox.received[0]


def test_a_message_that_does_not_arrive(make: Make, examine: Examine, mailbox: HTTPServer) -> None:
    study = make(notify={"urls": [url(mailbox, "no")]})
    result = examine(study, "notify.delivery", notify=True)
    assert (result.status, "403" in result.finding) == (Status.FAILED, True)
