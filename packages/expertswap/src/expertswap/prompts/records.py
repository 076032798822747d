"""A prompt as it was read: text or a conversation, with its domain and where it came from."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation.

    Args:
        role: ``system``, ``user`` or ``assistant``; what tools answered is ``user``.
        content: Its text.
    """

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is to read.

    Args:
        content: Text as it is, or the messages of a conversation, for the chat template.
        domain: Its domain.
        source: File and line, for errors.
    """

    content: str | tuple[Message, ...]
    domain: str
    source: str


def merge_turns(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Messages of one role in a row become one, as many chat templates want turns to alternate."""
    merged: list[Message] = []
    for message in messages:
        if merged and merged[-1].role == message.role:
            merged[-1] = Message(message.role, f"{merged[-1].content}\n\n{message.content}")
        else:
            merged.append(message)
    return tuple(merged)
