"""OpenAI's Responses API, always streamed."""

import json
from collections.abc import Iterator
from typing import Any

from overnight.testing.dialects.base import Dialect, Exchange, command_of, frame
from overnight.testing.turns import Answer, Failure, Message, Patch, Shell
from overnight.types import Usage


def _stream(exchange: Exchange) -> Iterator[bytes]:
    return (frame(event, named=True) for event in _events(exchange))


def _events(exchange: Exchange) -> Iterator[dict[str, Any]]:
    identity = {"id": f"resp_{exchange.number}"}
    yield {"type": "response.created", "response": identity}
    match exchange.turn:
        case Failure(message, code):
            error = {"code": code, "message": message}
            yield {"type": "response.failed", "response": {**identity, "error": error}}
        case Message() | Shell() | Patch() as turn:
            yield {"type": "response.output_item.done", "item": _item(exchange.number, turn)}
            usage = None if turn.usage is None else _usage(turn.usage)
            yield {"type": "response.completed", "response": {**identity, "usage": usage}}


def _item(number: int, answer: Answer) -> dict[str, Any]:
    if isinstance(answer, Message):
        content = [{"type": "output_text", "text": answer.text}]
        return {
            "type": "message",
            "role": "assistant",
            "id": f"msg_{number}",
            "content": content,
        }
    return {
        "type": "function_call",
        "id": f"fc_{number}",
        "call_id": f"call_{number}",
        "name": "exec_command",
        "arguments": json.dumps({"cmd": command_of(answer)}),
    }


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens or 0,
        "input_tokens_details": {"cached_tokens": usage.cached_input_tokens or 0},
        "output_tokens": usage.output_tokens or 0,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": usage.total_tokens,
    }


RESPONSES = Dialect(("/responses",), _stream)
