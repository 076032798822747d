"""OpenAI's Chat Completions API, which most servers of models speak."""

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
from overnight.testing.turns import MODEL, Answer, Failure, Message, Patch, Shell
from overnight.types import Usage


def _stream(exchange: Exchange) -> Iterator[bytes]:
    yield frame(_chunk(exchange, {"role": "assistant", "content": ""}))
    match exchange.turn:
        case Failure(message, code):
            yield frame({"error": {"message": message, "code": code}})
        case Message() | Shell() | Patch() as turn:
            for delta in _deltas(exchange, turn):
                yield frame(_chunk(exchange, delta))
            yield frame(_chunk(exchange, {}, finish=_finish(turn)))
            if turn.usage is not None:
                yield frame({**_head(exchange, "chat.completion.chunk"), **_used(turn.usage)})
            yield b"data: [DONE]\n\n"


def _whole(exchange: Exchange) -> dict[str, Any]:
    turn = exchange.turn
    assert isinstance(turn, Answer)  # noqa: S101 (the server plays the other turns itself)
    message: dict[str, Any] = {"role": "assistant", "content": None}
    if isinstance(turn, Message):
        message["content"] = turn.text
    else:
        message["tool_calls"] = [_call(exchange, turn)]
    choice = {"index": 0, "message": message, "finish_reason": _finish(turn)}
    used = {} if turn.usage is None else {"usage": _used(turn.usage)["usage"]}
    return {**_head(exchange, "chat.completion"), "choices": [choice], **used}


def _deltas(exchange: Exchange, answer: Answer) -> Iterator[dict[str, Any]]:
    if isinstance(answer, Message):
        yield from ({"content": piece} for piece in pieces(answer.text))
    else:
        yield {"tool_calls": [{"index": 0, **_call(exchange, answer)}]}


def _call(exchange: Exchange, answer: Shell | Patch) -> dict[str, Any]:
    tools = [tool.get("function", {}) for tool in exchange.request.body.get("tools") or []]
    name, arguments = shell_call(answer, tools, schema="parameters")
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"id": f"call_{exchange.number}", "type": "function", "function": function}


def _finish(answer: Answer) -> str:
    if not isinstance(answer, Message):
        return "tool_calls"
    return "length" if is_cut_short(answer) else "stop"


def _chunk(exchange: Exchange, delta: dict[str, Any], *, finish: str | None = None) -> Any:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {**_head(exchange, "chat.completion.chunk"), "choices": [choice]}


def _head(exchange: Exchange, kind: str) -> dict[str, Any]:
    return {"id": f"chat_{exchange.number}", "object": kind, "created": 0, "model": MODEL}


def _used(usage: Usage) -> dict[str, Any]:
    counts = {
        "prompt_tokens": usage.input_tokens or 0,
        "prompt_tokens_details": {"cached_tokens": usage.cached_input_tokens or 0},
        "completion_tokens": usage.output_tokens or 0,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": usage.total_tokens,
    }
    return {"choices": [], "usage": counts}


CHAT = Dialect(("/chat/completions",), _stream, _whole)
