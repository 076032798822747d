"""Anthropic's Messages API."""

import json
from collections.abc import Iterator
from typing import Any

from overnight.testing.dialects.base import (
    Dialect,
    Exchange,
    frame,
    is_cut_short,
    pieces,
    shell_call,
)
from overnight.testing.turns import MODEL, USAGE, Answer, Failure, Message, Patch, Shell
from overnight.types import Usage

_UNTOLD = Usage(input_tokens=0, output_tokens=0)


def _stream(exchange: Exchange) -> Iterator[bytes]:
    return (frame(event, named=True) for event in _events(exchange))


def _events(exchange: Exchange) -> Iterator[dict[str, Any]]:
    turn = exchange.turn
    usage = (turn.usage or _UNTOLD) if isinstance(turn, Answer) else USAGE
    yield {"type": "message_start", "message": _head(exchange, usage)}
    match turn:
        case Failure(message, code):
            yield {"type": "error", "error": {"type": code, "message": message}}
        case Message() | Shell() | Patch():
            yield from _block(exchange, turn)
            reason = {"stop_reason": _reason(turn), "stop_sequence": None}
            yield {"type": "message_delta", "delta": reason, "usage": _output(usage)}
            yield {"type": "message_stop"}


def _block(exchange: Exchange, answer: Answer) -> Iterator[dict[str, Any]]:
    if isinstance(answer, Message):
        begun: dict[str, Any] = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces(answer.text)]
    else:
        call = _call(exchange, answer)
        begun = {**call, "input": {}}
        written = json.dumps(call["input"])
        deltas = [{"type": "input_json_delta", "partial_json": part} for part in pieces(written)]
    yield {"type": "content_block_start", "index": 0, "content_block": begun}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}


def _whole(exchange: Exchange) -> dict[str, Any]:
    turn = exchange.turn
    assert isinstance(turn, Answer)  # noqa: S101 (the server plays the other turns itself)
    told = {"type": "text", "text": turn.text} if isinstance(turn, Message) else None
    content = [told or _call(exchange, turn)]  # type: ignore[arg-type]
    head = _head(exchange, turn.usage or _UNTOLD)
    return {**head, "content": content, "stop_reason": _reason(turn)}


def _call(exchange: Exchange, answer: Shell | Patch) -> dict[str, Any]:
    tools = exchange.request.body.get("tools") or []
    name, arguments = shell_call(answer, tools, schema="input_schema")
    identity = f"toolu_{exchange.number}"
    return {"type": "tool_use", "id": identity, "name": name, "input": arguments}


def _reason(answer: Answer) -> str:
    if not isinstance(answer, Message):
        return "tool_use"
    return "max_tokens" if is_cut_short(answer) else "end_turn"


def _head(exchange: Exchange, usage: Usage) -> dict[str, Any]:
    cached = usage.cached_input_tokens or 0
    return {
        "id": f"msg_{exchange.number}",
        "type": "message",
        "role": "assistant",
        "model": exchange.request.body.get("model", MODEL),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            # What came from the cache is no part of the input tokens here.
            "input_tokens": (usage.input_tokens or 0) - cached,
            "cache_read_input_tokens": cached,
            "cache_creation_input_tokens": 0,
            **_output(usage),
        },
    }


def _output(usage: Usage) -> dict[str, int]:
    return {"output_tokens": usage.output_tokens or 0}


MESSAGES = Dialect(("/v1/messages",), _stream, _whole)
