"""How coding agents log what they do: one function per dialect, from a record to messages.

A dialect gives the messages of a record that it knows (none, if there is nothing to read in it),
and None for a record that is not its own. Formats as documented or observed by others:

* Codex CLI, ``~/.codex/sessions/**/rollout-*.jsonl``: records with ``type`` and ``payload``
  (codex-rs/protocol, ``RolloutItem`` and ``ResponseItem``).
* ``codex exec --json``, which overnight keeps as ``agent.jsonl``: thread, turn and item events.
* Claude Code, ``~/.claude/projects/**/*.jsonl`` and its ``stream-json``: records with ``type`` and
  ``message``, whose content is text or blocks of Anthropic's messages API.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from expertswap.prompts.jsonl import text_of
from expertswap.prompts.records import Message

Record = Mapping[str, Any]
Dialect = Callable[[Record], list[Message] | None]

_CODEX_SILENT = frozenset({"session_meta", "turn_context", "event_msg", "compacted"})
_STREAM_SILENT = frozenset(
    {"thread.started", "turn.started", "turn.completed", "turn.failed", "item.started", "error"}
)
_CLAUDE_SILENT = frozenset(
    {"summary", "system", "result", "file-history-snapshot", "queue-operation", "progress"}
)


def codex_rollout(record: Record) -> list[Message] | None:
    """Codex CLI's own record; its first versions wrote the payloads bare."""
    kind, payload = record.get("type"), record.get("payload")
    if kind in _CODEX_SILENT:
        return []
    if kind == "response_item" and isinstance(payload, dict):
        return _response_item(payload)
    if kind == "message" and "content" in record:
        return _response_item(record)
    return None


def codex_stream(record: Record) -> list[Message] | None:
    """The events of ``codex exec --json``."""
    kind, item = record.get("type"), record.get("item")
    if kind in _STREAM_SILENT:
        return []
    if kind not in {"item.completed", "item.updated"} or not isinstance(item, dict):
        return None
    if item.get("type") == "agent_message":
        return _said("assistant", item.get("text"))
    if item.get("type") == "command_execution" and kind == "item.completed":
        command, output = item.get("command"), item.get("aggregated_output")
        return [*_said("assistant", command), *_said("user", output)]
    return []


def claude_code(record: Record) -> list[Message] | None:
    """Claude Code's transcripts."""
    kind, message = record.get("type"), record.get("message")
    if kind in _CLAUDE_SILENT:
        return []
    if kind not in {"user", "assistant"} or not isinstance(message, dict):
        return None
    content = message.get("content")
    if isinstance(content, str):
        return _said(str(kind), content)
    return list(_blocks(str(kind), content)) if isinstance(content, list) else None


DIALECTS: tuple[Dialect, ...] = (codex_rollout, codex_stream, claude_code)


def read_record(record: Record) -> list[Message] | None:
    """The messages of a record in any dialect; None if no dialect knows it."""
    for dialect in DIALECTS:
        messages = dialect(record)
        if messages is not None:
            return messages
    return None


def read_aider(lines: Iterable[str]) -> Iterator[list[Message]]:
    """The sessions of aider's ``.aider.chat.history.md``.

    A session begins with ``# aider chat started``; ``####`` marks what the user wrote and ``>``
    what aider itself told; all else is the model's.
    """
    session: list[Message] = []
    for line in lines:
        if line.startswith("# aider chat started"):
            if session:
                yield session
            session = []
        elif line.startswith("#### "):
            session += _said("user", line[5:])
        elif line.strip() and not line.startswith("> "):
            session += _said("assistant", line)
    if session:
        yield session


def _response_item(item: Record) -> list[Message] | None:
    kind = item.get("type")
    if kind == "message":
        role = "assistant" if item.get("role") == "assistant" else "user"
        return _said(role, text_of(item.get("content")))
    if kind in {"function_call", "custom_tool_call"}:
        return _call(item.get("name"), item.get("arguments", item.get("input")))
    if kind == "local_shell_call":
        return _call("shell", item.get("action"))
    if kind in {"function_call_output", "custom_tool_call_output"}:
        return _said("user", _output(item.get("output")))
    return [] if kind == "reasoning" else None


def _blocks(role: str, blocks: Iterable[object]) -> Iterator[Message]:
    for block in blocks:
        if not isinstance(block, dict):
            continue
        if block.get("type") == "text":
            yield from _said(role, block.get("text"))
        elif block.get("type") == "tool_use":
            yield from _call(block.get("name"), block.get("input"))
        elif block.get("type") == "tool_result":
            yield from _said("user", text_of(block.get("content")))


def _call(name: object, arguments: object) -> list[Message]:
    """A call of a tool as text, which every chat template can take."""
    told = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return _said("assistant", f"{name} {told}")


def _output(output: object) -> object:
    """What a tool gave back: text, content parts, or an object that holds the text."""
    if isinstance(output, dict):
        return text_of(output.get("content", output.get("output")))
    return text_of(output)


def _said(role: str, text: object) -> list[Message]:
    return [Message(role, text.strip())] if isinstance(text, str) and text.strip() else []
