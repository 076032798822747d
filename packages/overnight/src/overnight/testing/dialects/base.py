"""What the APIs of models have in common: requests, tools, and streams of events."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from overnight.testing.turns import Answer, Begun, Message, Patch, Request, Shell

_PIECES = 3
_PARAMETERS = ("cmd", "command")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its turn.

    Attributes:
        number: Of the request, from one.
    """

    number: int
    request: Request
    turn: Begun


@dataclass(frozen=True, slots=True)
class Dialect:
    """An API, as far as the script needs it.

    Attributes:
        endings: How the paths end that are answered.
        stream: The events of an answer, as far as its turn lets them come.
        whole: The same in one piece, for clients that ask for it.
    """

    endings: tuple[str, ...]
    stream: Callable[[Exchange], Iterator[bytes]]
    whole: Callable[[Exchange], Mapping[str, Any]] | None = None

    def wants_stream(self, request: Request) -> bool:
        """Whether a client asks for events."""
        if self.whole is None or ":stream" in request.path:
            return True
        return bool(request.body.get("stream"))


def frame(data: Mapping[str, Any], *, named: bool = False) -> bytes:
    """One event of a stream.

    Args:
        named: Whether it says its type before its data.
    """
    name = f"event: {data['type']}\n" if named else ""
    return f"{name}data: {json.dumps(data)}\n\n".encode()


def pieces(text: str) -> list[str]:
    """A text in some pieces, as models stream it."""
    size = max(1, -(-len(text) // _PIECES))
    return [text[start : start + size] for start in range(0, len(text), size)] or [""]


def shell_call(
    answer: Shell | Patch, tools: Sequence[Mapping[str, Any]], *, schema: str
) -> tuple[str, dict[str, Any]]:
    """The call of the client's own tool for shell commands: its name and arguments.

    Args:
        tools: What the client offers.
        schema: The key under which a tool has the schema of its arguments.
    """
    command = command_of(answer)
    for tool in tools:
        known = (tool.get(schema) or {}).get("properties") or {}
        for parameter in _PARAMETERS:
            if parameter in known:
                others = {"description": "scripted"} if "description" in known else {}
                return str(tool["name"]), {parameter: command, **others}
    return "exec_command", {_PARAMETERS[0]: command}


def command_of(answer: Shell | Patch) -> str:
    """The command that a turn asks for; a patch goes through Codex's ``apply_patch``."""
    if isinstance(answer, Shell):
        return answer.command
    return f"apply_patch <<'EOF'\n{answer.text.strip()}\nEOF\n"


def is_cut_short(answer: Answer) -> bool:
    """Whether the model was not allowed to say all."""
    return isinstance(answer, Message) and answer.cut_short
