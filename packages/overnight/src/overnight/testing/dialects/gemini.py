"""Google's Gemini API."""

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
    yield frame(_chunk([{"text": ""}]))
    match exchange.turn:
        case Failure(message, code):
            yield frame({"error": {"code": 500, "status": code, "message": message}})
        case Message() as turn:
            *most, last = pieces(turn.text)
            for piece in most:
                yield frame(_chunk([{"text": piece}]))
            yield frame(_last(turn, [{"text": last}]))
        case Shell() | Patch() as turn:
            yield frame(_last(turn, [_call(exchange, turn)]))


def _whole(exchange: Exchange) -> dict[str, Any]:
    turn = exchange.turn
    assert isinstance(turn, Answer)  # noqa: S101 (the server plays the other turns itself)
    if isinstance(turn, Message):
        return _last(turn, [{"text": turn.text}])
    return _last(turn, [_call(exchange, turn)])


def _call(exchange: Exchange, answer: Shell | Patch) -> dict[str, Any]:
    offered = exchange.request.body.get("tools") or []
    tools = [one for tool in offered for one in tool.get("functionDeclarations") or []]
    schema = "parametersJsonSchema"
    name, arguments = shell_call(answer, tools, schema=schema)
    return {"functionCall": {"name": name, "args": arguments}}


def _last(answer: Answer, parts: list[dict[str, Any]]) -> dict[str, Any]:
    finish = "MAX_TOKENS" if is_cut_short(answer) else "STOP"
    used = {} if answer.usage is None else {"usageMetadata": _used(answer.usage)}
    return {**_chunk(parts, finish=finish), **used}


def _chunk(parts: list[dict[str, Any]], *, finish: str | None = None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"index": 0, "content": {"role": "model", "parts": parts}}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": MODEL}


def _used(usage: Usage) -> dict[str, int]:
    reasoning = usage.reasoning_tokens or 0
    return {
        "promptTokenCount": usage.input_tokens or 0,
        "cachedContentTokenCount": usage.cached_input_tokens or 0,
        # Thoughts are no part of the candidates' tokens here.
        "candidatesTokenCount": (usage.output_tokens or 0) - reasoning,
        "thoughtsTokenCount": reasoning,
        "totalTokenCount": usage.total_tokens,
    }


GEMINI = Dialect((":streamGenerateContent", ":generateContent"), _stream, _whole)
