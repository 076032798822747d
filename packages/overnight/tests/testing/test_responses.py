import http.client
import json
import threading
import time
import tomllib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from overnight.researchers.base import ResearcherSettings
from overnight.researchers.codex.researcher import create
from overnight.testing.responses import (
    MODEL,
    Cut,
    Failure,
    Hang,
    Message,
    Patch,
    Refusal,
    ResponsesServer,
    Shell,
)
from overnight.types import Usage


@pytest.fixture
def server() -> Iterator[ResponsesServer]:
    with ResponsesServer() as server:
        yield server


def connect(server: ResponsesServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=20)


def ask(server: ResponsesServer, **headers: str) -> http.client.HTTPResponse:
    connection = connect(server)
    body = json.dumps({"model": MODEL, "input": [{"text": "hé"}]})
    connection.request("POST", "/v1/responses", body, headers)
    return connection.getresponse()


def events(server: ResponsesServer) -> list[dict[str, Any]]:
    lines = ask(server).read().decode().splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data")]


def test_a_message_is_a_whole_response(server: ResponsesServer) -> None:
    server.play([Message("hello", Usage(7, 2, 3, 1))])
    created, done, completed = events(server)
    assert created["type"] == "response.created"
    assert done["item"]["content"] == [{"type": "output_text", "text": "hello"}]
    assert completed["response"]["usage"] == {
        "input_tokens": 7,
        "input_tokens_details": {"cached_tokens": 2},
        "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 10,
    }


def test_usage_can_be_kept_back(server: ResponsesServer) -> None:
    server.play([Message("hello", usage=None)])
    assert events(server)[-1]["response"]["usage"] is None


def test_tools_are_called(server: ResponsesServer) -> None:
    server.play([Shell("ls"), Patch("*** Begin Patch\n*** End Patch")])
    calls = [events(server)[1]["item"] for _ in range(2)]
    assert [call["call_id"] for call in calls] == ["call_1", "call_2"]
    commands = [json.loads(call["arguments"])["cmd"] for call in calls]
    assert commands == ["ls", "apply_patch <<'EOF'\n*** Begin Patch\n*** End Patch\nEOF\n"]


def test_last_turn_is_repeated_until_another_script(server: ResponsesServer) -> None:
    server.play([Shell("a"), Message("b")])
    kinds = [events(server)[1]["item"]["type"] for _ in range(3)]
    assert kinds == ["function_call", "message", "message"]
    server.play([Shell("c")])
    assert events(server)[1]["item"]["type"] == "function_call"


def test_requests_are_recorded(server: ResponsesServer) -> None:
    ask(server, Authorization="Bearer key").read()
    ask(server).read()
    first, second = server.requests
    assert (first.bearer, second.bearer) == ("key", None)
    assert first.body["model"] == MODEL
    assert "hé" in first.text


def test_refusal(server: ResponsesServer) -> None:
    server.play([Refusal(429, "Slow down.", code="slow", retry_after_s=7)])
    response = ask(server)
    assert (response.status, response.headers["Retry-After"]) == (429, "7")
    assert json.loads(response.read())["error"]["code"] == "slow"


def test_failure_within_the_stream(server: ResponsesServer) -> None:
    server.play([Failure("boom", code="c")])
    assert events(server)[-1]["response"]["error"] == {"code": "c", "message": "boom"}


def test_cut(server: ResponsesServer) -> None:
    server.play([Cut(), Cut(begun=False)])
    assert [event["type"] for event in events(server)] == ["response.created"]
    with pytest.raises(http.client.RemoteDisconnected):
        ask(server)


def test_closing_lets_go_of_clients_that_hang() -> None:
    answers = []
    with ResponsesServer([Hang(begun=True)]) as server:
        waiting = threading.Thread(target=lambda: answers.append(ask(server).read()))
        waiting.start()
        assert server.wait_for_requests(1)
        began = time.monotonic()
    waiting.join(10)
    assert time.monotonic() - began < 5
    assert b"response.created" in answers[0]


def test_hang_before_headers_says_nothing(server: ResponsesServer) -> None:
    server.play([Hang()])
    connection = connect(server)
    connection.timeout = 0.2
    connection.request("POST", "/v1/responses", "{}")
    with pytest.raises(TimeoutError):
        connection.getresponse()


def test_waiting_for_requests_that_do_not_come(server: ResponsesServer) -> None:
    assert not server.wait_for_requests(1, timeout_s=0.01)


def test_websocket_is_declined(server: ResponsesServer) -> None:
    connection = connect(server)
    connection.request("GET", "/v1/responses", headers={"Upgrade": "websocket"})
    assert connection.getresponse().status == 426


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/models"), ("POST", "/v1/other")])
def test_other_paths_are_unknown(server: ResponsesServer, method: str, path: str) -> None:
    connection = connect(server)
    connection.request(method, path, "")
    assert connection.getresponse().status == 404
    assert server.requests == []


def test_script_without_a_turn(server: ResponsesServer) -> None:
    with pytest.raises(ValueError, match="needs a turn"):
        server.play([])


def test_study_file_tables(server: ResponsesServer) -> None:
    table = tomllib.loads(server.codex_toml())["researcher"]
    assert table["options"] == server.codex_options()
    create(ResearcherSettings(table["kind"], table["model"], options=table["options"]))
