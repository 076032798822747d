"""The program that calls a model, in the tests' own process: every way that a call ends."""

import io
import json
import re
import sys
from typing import Any

import pytest

from overnight.errors import (
    AgentCrashed,
    AuthenticationFailed,
    QuotaExhausted,
    RateLimited,
    RequestRejected,
    ResearcherError,
    ServerFailed,
    StreamCut,
)
from overnight.researchers.agent.transcript import Transcript, objects
from overnight.researchers.chat.caller import main
from overnight.researchers.chat.model import Model, read_events
from overnight.testing.responses import (
    MODEL,
    OUT_OF_CREDIT,
    USAGE,
    Cut,
    Failure,
    Message,
    Raw,
    Refusal,
    ResponsesServer,
    Turn,
)
from overnight.types import Usage

pytestmark = pytest.mark.usefixtures("no_keys")


@pytest.fixture
def call(
    server: ResponsesServer,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> Any:
    def call(*script: Turn, **request: Any) -> Transcript:
        server.play(script)
        whole: dict[str, Any] = {
            "base_url": server.base_url,
            "key_variable": None,
            "model": MODEL,
            "messages": [{"role": "user", "content": "hé"}],
            "parameters": {},
            "retries": 0,
        }
        monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps({**whole, **request})))
        main()
        return read_events(objects(capsysbinary.readouterr().out.splitlines()))

    return call


def test_an_answer_comes_in_pieces(call: Any, server: ResponsesServer) -> None:
    said = "One “line”.\nAnd another.\u2028"
    assert call(Message(said)) == Transcript(True, said, usage=USAGE)
    [request] = server.requests
    assert (request.bearer, request.body["stream_options"]) == (None, {"include_usage": True})
    assert "hé" in request.text


def test_an_answer_that_was_cut_short_is_one(call: Any) -> None:
    assert call(Message("half an", cut_short=True)).message == "half an"


def test_thoughts_are_signs_of_life(call: Any, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    def chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"

    stream = chunk({"reasoning_content": "hm"}) + chunk({"content": "yes"}, "stop")
    assert call(Raw(stream)) == Transcript(True, "yes")


@pytest.mark.parametrize(
    ("turn", "kind", "words"),
    [
        (Refusal(400, "Unknown parameter."), RequestRejected, "Unknown parameter."),
        (Refusal(401, "Wrong key."), AuthenticationFailed, "Wrong key."),
        (Refusal(403), AuthenticationFailed, "403"),
        (Refusal(404, "No such model."), RequestRejected, "No such model."),
        (Refusal(429), RateLimited, "429"),
        (OUT_OF_CREDIT, QuotaExhausted, "quota"),
        (Refusal(500), ServerFailed, "500"),
        (Refusal(503), ServerFailed, "503"),
        (Failure("boom"), StreamCut, "boom"),
        (Cut(), StreamCut, "broke off"),
        (Cut(begun=False), ServerFailed, "Connection error"),
        (Raw(b"<html>Hello</html>"), StreamCut, "broke off"),
        (Raw(b'data: {"error": {"message": "Busy.", "code": 503}}\n\n'), ServerFailed, "Busy."),
    ],
    ids=lambda value: re.sub(r"\W+", "-", str(value))[:60],
)
def test_fault_of_the_endpoint(
    call: Any, server: ResponsesServer, turn: Turn, kind: type[ResearcherError], words: str
) -> None:
    found: Transcript = call(turn)
    error = Model.wording.failed(found.failure, status=found.status)
    assert not found.completed
    assert (type(error), words in error.message) == (kind, True)
    assert len(server.requests) == 1


@pytest.mark.parametrize(("asked", "delay_s"), [(7, 7.0), (10**6, None), (None, None)])
def test_delay_that_the_endpoint_asks_for(
    asked: int | None, delay_s: float | None, call: Any
) -> None:
    assert call(Refusal(429, retry_after_s=asked)).delay_s == delay_s


def test_fault_that_a_retry_mends(call: Any, server: ResponsesServer) -> None:
    assert call(Refusal(503), Message("yes"), retries=1).message == "yes"
    assert len(server.requests) == 2


def test_key_and_parameters(
    call: Any, server: ResponsesServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "secret-one")
    call(Message(""), key_variable="MY_KEY", parameters={"temperature": 0.5, "top_k": 20})
    [request] = server.requests
    assert request.bearer == "secret-one"
    assert (request.body["temperature"], request.body["top_k"]) == (0.5, 20)


@pytest.mark.parametrize(
    "junk",
    [
        {"type": "text"},
        {"type": "text", "text": 7},
        {"type": "usage", "usage": []},
        {"type": "usage", "usage": {"prompt_tokens": -1, "completion_tokens": True}},
        {"type": "from tomorrow"},
        {},
    ],
)
def test_events_that_cannot_be_are_passed_by(junk: Any) -> None:
    end = {"type": "end", "reason": "stop"}
    assert read_events([junk, {"type": "text", "text": "a"}, end]) == Transcript(True, "a")


def test_an_answer_without_end_is_none() -> None:
    events = [{"type": "text", "text": "x" * 2**20}] * 5 + [{"type": "end"}]
    found = read_events(events)
    assert (found.completed, found.message) == (False, "")
    assert type(Model.wording.failed(found.failure)) is AgentCrashed


def test_counts() -> None:
    told = {"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": None}
    assert read_events([{"type": "usage", "usage": told}]).usage == Usage(5, None, 2, None)
