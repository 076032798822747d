import json
from pathlib import Path
from typing import Any

import pytest

from overnight.errors import (
    AgentCrashed,
    AgentMisconfigured,
    AuthenticationFailed,
    QuotaExhausted,
    RateLimited,
    RequestRejected,
    ResearcherError,
    ServerFailed,
    StreamCut,
)
from overnight.researchers.agent.transcript import Transcript, output_schema, read_draft
from overnight.researchers.codex.events import read_rollout_usage, read_transcript
from overnight.researchers.codex.failures import WORDING, failed_start
from overnight.types import Usage

COUNTS = {
    "input_tokens": 200,
    "cached_input_tokens": 40,
    "cache_write_input_tokens": 0,
    "output_tokens": 20,
    "reasoning_output_tokens": 6,
}
USAGE = Usage(200, 40, 20, 6)


def line(kind: str, **fields: Any) -> bytes:
    return json.dumps({"type": kind, **fields}).encode() + b"\n"


def item(kind: str, **fields: Any) -> bytes:
    return line("item.completed", item={"id": "item_1", "type": kind, **fields})


STARTED = [line("thread.started", thread_id="t"), line("turn.started")]
WARNING = item("error", message="Model metadata for `m` not found.")
RECONNECTING = line("error", message="Reconnecting... 1/5 (unexpected status 500)")


def test_a_turn_that_completes() -> None:
    stream = [
        *STARTED,
        WARNING,
        item("reasoning", text="thinking"),
        item("command_execution", command="ls", exit_code=0, aggregated_output="x"),
        item("agent_message", text="first"),
        item("agent_message", text="last"),
        line("turn.completed", usage=COUNTS),
    ]
    assert read_transcript(stream) == Transcript(True, "last", "", USAGE, commands=("ls",))


def test_a_turn_that_fails() -> None:
    failed = line("turn.failed", error={"message": "last words"})
    stream = [*STARTED, RECONNECTING, line("error", message="earlier"), failed]
    assert read_transcript(stream) == Transcript(failure="last words")


def test_an_error_stands_in_for_a_missing_end() -> None:
    stream = [*STARTED, line("error", message="fatal"), RECONNECTING]
    assert read_transcript(stream).failure == "fatal"


def test_notices_are_no_failure() -> None:
    assert read_transcript([*STARTED, WARNING, RECONNECTING]) == Transcript()


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"\n",
        b"[overnight: 5 bytes left out here]\n",
        b'{"type":"turn.comp',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"null\n",
        b'"text"\n',
        b'{"type": ["turn.completed"]}\n',
        b'{"type":"item.completed","item":[]}\n',
        b'{"type":"turn.failed","error":"text"}\n',
        b'{"type":"error"}\n',
        b'{"type":"from.tomorrow","usage":{}}\n',
        b'{"type":"item.completed","item":{"type":"agent_message","text":7}}\n',
    ],
    ids=lambda junk: repr(junk[:40]),
)
def test_junk_between_lines_is_passed_by(junk: bytes) -> None:
    end = [item("agent_message", text="last"), line("turn.completed", usage=COUNTS)]
    assert read_transcript([*STARTED, junk, *end]) == Transcript(True, "last", "", USAGE)


@pytest.mark.parametrize(
    "usage",
    [None, [], {}, {**COUNTS, "input_tokens": 0, "output_tokens": 0}, {"input_tokens": "200"}],
)
def test_usage_without_a_number_is_unknown(usage: Any) -> None:
    assert read_transcript([line("turn.completed", usage=usage)]).usage is None


@pytest.mark.parametrize("count", [-1, True, 1.5, 10**30, "1"])
def test_counts_that_cannot_be_are_unknown(count: Any) -> None:
    found = read_transcript([line("turn.completed", usage={**COUNTS, "output_tokens": count})])
    assert found.usage == Usage(200, 40, None, 6)


def rollout(path: Path, *totals: int) -> Path:
    records = [
        line("token_usage_record", payload={"thread_token_usage": {**COUNTS, "input_tokens": n}})
        for n in totals
    ]
    path.write_bytes(line("session_meta") + b"".join(records) + b'{"type":"token_usage_record"')
    return path


def test_rollouts_tell_what_their_threads_used_last(tmp_path: Path) -> None:
    files = [
        rollout(tmp_path / "main", 100, 700),
        rollout(tmp_path / "helper", 50),
        rollout(tmp_path / "empty"),
    ]
    assert read_rollout_usage(files) == Usage(750, 80, 40, 12)
    assert read_rollout_usage(files[2:]) is None


def test_draft_from_the_schema() -> None:
    schema = json.loads(output_schema())
    message = json.dumps({name: name.upper() for name in schema["required"]})
    draft = read_draft(Transcript(message=message), USAGE)
    assert (draft.title, draft.usage) == ("TITLE", USAGE)
    assert draft.rationale == "RATIONALE\n\nExpected effect: EXPECTED_EFFECT"


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ('```json\n{"title": "Fenced"}\n```', "Fenced"),
        ('Here it is: {"title": "Introduced"}.', "Introduced"),
        ("\n\n  Plain words\nand more", "Plain words"),
        ('{"title": 7}', "An untitled change"),
        ("{}", "An untitled change"),
        ("} {", "} {"),
        ("", "An untitled change"),
    ],
)
def test_draft_from_anything_else(message: str, title: str) -> None:
    assert read_draft(Transcript(message=message), None).title == title


def test_draft_is_bounded() -> None:
    told = json.dumps({"title": "t" * 10**6, "rationale": "r" * 10**6})
    draft = read_draft(Transcript(message=told), None)
    assert len(draft.title) == 120
    assert len(draft.rationale) == 8001
    assert draft.rationale.endswith("r…")


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("unexpected status 401 Unauthorized: rate limit of x", AuthenticationFailed),
        ("unexpected status 402 Payment Required: pay", QuotaExhausted),
        ("unexpected status 403 Forbidden: no", AuthenticationFailed),
        ("unexpected status 404 Not Found: model", RequestRejected),
        ("unexpected status 408 Request Timeout: slow", ServerFailed),
        ("unexpected status 422 Unprocessable Entity: x", RequestRejected),
        ("unexpected status 503 Service Unavailable: x", ServerFailed),
        ("exceeded retry limit, last status: 429 Too Many Requests", RateLimited),
        ("exceeded retry limit, last status: 502 Bad Gateway", ServerFailed),
        ("Quota exceeded. Check your plan and billing details.", QuotaExhausted),
        ("You've hit your usage limit. Upgrade to Plus or try again at 3 PM.", QuotaExhausted),
        ("Your refresh token was revoked. Please log out and sign in again.", AuthenticationFailed),
        ("Missing environment variable: `MY_KEY`.", AuthenticationFailed),
        ("rate limit exceeded: slow down", RateLimited),
        ("Selected model is at capacity. Please try a different model.", ServerFailed),
        ("Connection failed: error sending request", ServerFailed),
        ("stream disconnected before completion: error sending request", ServerFailed),
        ("stream disconnected before completion: idle timeout waiting for SSE", StreamCut),
        ('{"error": {"message": "Unknown parameter."}}', RequestRejected),
        ("Something new", AgentCrashed),
    ],
)
def test_failed_turn(message: str, kind: type[ResearcherError]) -> None:
    error = WORDING.failed(message, usage=USAGE)
    assert type(error) is kind
    assert error.usage == USAGE


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ('{"error": {"message": "Bad\\nthing."}}', "Codex: Bad thing."),
        ('{"error": "Bad."}', "Codex: Bad."),
        ('{"detail": "Bad."}', "Codex: Bad."),
        ('{"message": "Bad."}', "Codex: Bad."),
        ('{"other": 1}', 'Codex: {"other": 1}.'),
    ],
)
def test_bodies_are_told_as_sentences(body: str, sentence: str) -> None:
    assert WORDING.failed(body, usage=None).message == sentence


@pytest.mark.parametrize(("text", "seconds"), [("2.5s", 2.5), ("300ms", 0.3), ("3 PM", None)])
def test_delay(text: str, seconds: float | None) -> None:
    delay = WORDING.failed(f"rate limit exceeded: try again in {text}", usage=None).retry_after_s
    assert delay == pytest.approx(seconds) if seconds else delay is None


def test_failed_start() -> None:
    complaint = "WARN x\nError loading config.toml: `wire_api` is wrong\nHow to fix: ...\n"
    error = failed_start(complaint)
    assert isinstance(error, AgentMisconfigured)
    assert error.message.startswith("Codex: Error loading config.toml: `wire_api` is wrong")
    assert failed_start("thread panicked") is None
