"""Prompts from JSON Lines: each line has ``text`` or ``messages``, and perhaps a ``domain``."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from expertswap.errors import PromptsError
from expertswap.prompts.lines import MOST_LINE_BYTES, bounded_lines
from expertswap.prompts.records import Message, Prompt

_FIX = 'Give each line as {"text": "..."} or {"messages": [{"role": "user", "content": "..."}]}.'


def read_prompts(path: Path, *, domain: str | None = None) -> Iterator[Prompt]:
    """The prompts of a file, in its order; empty lines are passed over.

    Args:
        path: Of the file.
        domain: Of prompts that name none; by default the file's name without its suffix.

    Raises:
        PromptsError: The file cannot be read, or a line is no prompt; names the line.
    """
    for number, line in enumerate(bounded_lines(path), start=1):
        source = f"{path}, line {number}"
        if line is None:
            raise PromptsError(f"{source} is longer than {MOST_LINE_BYTES // 2**20} MiB.")
        if line.strip():
            yield _prompt(_object(line, source), source, domain or path.stem)


def _object(line: bytes, source: str) -> dict[str, Any]:
    try:
        values = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise PromptsError(f"{source} is not JSON: {error}.", fix=_FIX) from error
    if not isinstance(values, dict):
        raise PromptsError(f"{source} is not a JSON object.", fix=_FIX)
    return values


def _prompt(values: dict[str, Any], source: str, domain: str) -> Prompt:
    named = values.get("domain", domain)
    if not isinstance(named, str) or not named:
        raise PromptsError(f"{source}: its domain is not a name.")
    text, messages = values.get("text"), values.get("messages")
    if isinstance(text, str) and messages is None:
        return Prompt(text, named, source)
    if isinstance(messages, list) and messages and text is None:
        return Prompt(tuple(_message(one, source) for one in messages), named, source)
    raise PromptsError(f"{source} has neither one `text` nor one list of `messages`.", fix=_FIX)


def _message(values: object, source: str) -> Message:
    if isinstance(values, dict) and isinstance(values.get("role"), str):
        content = text_of(values.get("content"))
        if content is not None:
            return Message(values["role"], content)
    raise PromptsError(f"{source}: a message lacks its role or its content.", fix=_FIX)


def text_of(content: object) -> str | None:
    """The text of a message's content, which is a string or a list of parts; None for neither."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    parts = (part.get("text") for part in content if isinstance(part, dict))
    return "\n".join(part for part in parts if isinstance(part, str))
