"""The same turns in the words of each API."""

import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from overnight.testing.responses import (
    Cut,
    Failure,
    Message,
    Raw,
    Refusal,
    ResponsesServer,
    Shell,
)
from overnight.types import Usage

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
GEMINI, GEMINI_WHOLE = "/v1beta/models/m:streamGenerateContent?alt=sse", "/models/m:generateContent"
PROPERTIES: dict[str, Any] = {"properties": {"command": {}, "description": {}}}
TOOLS: dict[str, Any] = {
    CHAT: [{"type": "function", "function": {"name": "bash", "parameters": PROPERTIES}}],
    MESSAGES: [{"name": "Read", "input_schema": {}}, {"name": "Bash", "input_schema": PROPERTIES}],
    GEMINI: [{"functionDeclarations": [{"name": "shell", "parametersJsonSchema": PROPERTIES}]}],
}
USED = Usage(10, 4, 6, 1)


@pytest.fixture
def server() -> Iterator[ResponsesServer]:
    with ResponsesServer() as server:
        yield server


def ask(server: ResponsesServer, path: str, **body: Any) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(server.root_url).netloc, timeout=20)
    connection.request("POST", path, json.dumps(body), {"x-api-key": "k"})
    return connection.getresponse()


def events(server: ResponsesServer, path: str, **body: Any) -> list[Any]:
    lines = ask(server, path, stream=True, **body).read().decode().splitlines()
    told = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return [json.loads(line) for line in told if line != "[DONE]"]


def whole(server: ResponsesServer, path: str, **body: Any) -> Any:
    return json.loads(ask(server, path, **body).read())


def test_chat_completions(server: ResponsesServer) -> None:
    server.play([Message("hello", USED), Message("cut", cut_short=True), Shell("ls")])
    streamed = events(server, CHAT)
    texts = [choice["delta"].get("content", "") for it in streamed for choice in it["choices"]]
    assert "".join(texts) == "hello"
    assert streamed[-1]["usage"]["prompt_tokens_details"] == {"cached_tokens": 4}
    assert whole(server, CHAT)["choices"][0]["finish_reason"] == "length"
    [call] = whole(server, CHAT, tools=TOOLS[CHAT])["choices"][0]["message"]["tool_calls"]
    assert call["function"]["name"] == "bash"
    assert json.loads(call["function"]["arguments"])["command"] == "ls"


def test_messages(server: ResponsesServer) -> None:
    server.play([Message("hello", USED), Shell("ls"), Message("whole", USED)])
    streamed = events(server, MESSAGES)
    deltas = [it["delta"]["text"] for it in streamed if it["type"] == "content_block_delta"]
    assert "".join(deltas) == "hello"
    counted = streamed[0]["message"]["usage"]
    assert (counted["input_tokens"], counted["cache_read_input_tokens"]) == (6, 4)
    called = events(server, MESSAGES, tools=TOOLS[MESSAGES])
    assert called[1]["content_block"]["name"] == "Bash"
    parts = [it["delta"]["partial_json"] for it in called if it["type"] == "content_block_delta"]
    assert json.loads("".join(parts)) == {"command": "ls", "description": "scripted"}
    assert whole(server, MESSAGES)["content"] == [{"type": "text", "text": "whole"}]


def test_gemini(server: ResponsesServer) -> None:
    server.play([Message("hello", USED), Shell("ls"), Message("whole", USED)])
    streamed = [it["candidates"][0]["content"]["parts"][0] for it in events(server, GEMINI)]
    assert "".join(part["text"] for part in streamed) == "hello"
    last = events(server, GEMINI, tools=TOOLS[GEMINI])[-1]["candidates"][0]
    call = last["content"]["parts"][0]["functionCall"]
    assert (call["name"], call["args"]["command"]) == ("shell", "ls")
    counted = whole(server, GEMINI_WHOLE)["usageMetadata"]
    assert (counted["candidatesTokenCount"], counted["thoughtsTokenCount"]) == (5, 1)


@pytest.mark.parametrize("path", [CHAT, MESSAGES, GEMINI])
def test_streams_that_fail_or_break_off(path: str, server: ResponsesServer) -> None:
    server.play([Failure("boom"), Cut(), Cut(begun=False)])
    assert events(server, path)[-1]["error"]["message"] == "boom"
    assert len(events(server, path)) == 1
    with pytest.raises(http.client.RemoteDisconnected):
        ask(server, path, stream=True)


def test_failures_without_a_stream(server: ResponsesServer) -> None:
    server.play([Failure("boom"), Cut(), Refusal(429), Raw(b"<html>")])
    assert ask(server, CHAT).status == 500
    with pytest.raises(http.client.RemoteDisconnected):
        ask(server, CHAT)
    assert ask(server, CHAT).status == 429
    assert ask(server, CHAT).read() == b"<html>"


def test_requests_are_recorded(server: ResponsesServer) -> None:
    ask(server, GEMINI, contents=["hé"], systemInstruction="be brief").read()
    [request] = server.requests
    assert (request.key, request.bearer) == ("k", None)
    assert request.path.endswith(":streamGenerateContent")
    assert "hé" in request.text
    assert "be brief" in request.text
