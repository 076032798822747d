"""What a call of an agent said, whichever way the agent says it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from overnight.researchers.drafts import as_count, as_text, clean_draft, parse_object
from overnight.types import Draft, JsonValue, Usage

MOST_COMMANDS = 200
_MOST_COMMAND_CHARACTERS = 500
_ANSWER = ("title", "rationale", "target", "expected_effect")


@dataclass(frozen=True, slots=True)
class Transcript:
    """What matters of a call.

    Attributes:
        completed: Whether the agent says that its turn came to a good end.
        message: The agent's last message, or an empty string.
        failure: Why the turn failed, in the agent's words, or an empty string.
        usage: What the call used in all; None where no number was told.
        commands: The shell commands that the agent ran, the first `MOST_COMMANDS` of them.
        status: The HTTP status of the failure, where it was told apart from the words.
        delay_s: How long the endpoint asked to wait, likewise.
    """

    completed: bool = False
    message: str = ""
    failure: str = ""
    usage: Usage | None = None
    commands: tuple[str, ...] = ()
    status: int | None = None
    delay_s: float | None = None


def objects(lines: Iterable[bytes]) -> Iterator[dict[str, JsonValue]]:
    """The events of a stream, past lines that are broken."""
    return (found for line in lines if (found := parse_object(line)) is not None)


def as_object(value: JsonValue) -> Mapping[str, JsonValue]:
    """A value that should be an object; anything else counts as empty."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: JsonValue) -> list[JsonValue]:
    """A value that should be a list; anything else counts as empty."""
    return value if isinstance(value, list) else []


def as_commands(told: Iterable[JsonValue]) -> tuple[str, ...]:
    """The commands that an agent ran, clipped."""
    clipped = [as_text(command)[:_MOST_COMMAND_CHARACTERS] for command in told]
    return tuple(filter(None, clipped))[:MOST_COMMANDS]


def completion_usage(value: JsonValue) -> Usage | None:
    """What a response of the Chat Completions API says that it used; None where it says nothing."""
    told = as_object(value)
    usage = Usage(
        input_tokens=as_count(told.get("prompt_tokens")),
        cached_input_tokens=as_count(
            as_object(told.get("prompt_tokens_details")).get("cached_tokens")
        ),
        output_tokens=as_count(told.get("completion_tokens")),
        reasoning_tokens=as_count(
            as_object(told.get("completion_tokens_details")).get("reasoning_tokens")
        ),
    )
    return usage if usage.total_tokens else None


def total(usages: Iterable[Usage]) -> Usage | None:
    """What several requests used together; None where there was none."""
    told = list(usages)
    if not told:
        return None
    return Usage(
        input_tokens=_sum(usage.input_tokens for usage in told),
        cached_input_tokens=_sum(usage.cached_input_tokens for usage in told),
        output_tokens=_sum(usage.output_tokens for usage in told),
        reasoning_tokens=_sum(usage.reasoning_tokens for usage in told),
    )


def _sum(counts: Iterable[int | None]) -> int | None:
    """The sum of what is known; None where nothing is."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def read_draft(transcript: Transcript, usage: Usage | None) -> Draft:
    """The draft that the agent's last message describes, in JSON or in its own words."""
    message = transcript.message
    told = parse_object(message) or parse_object(
        message[message.find("{") : message.rfind("}") + 1]
    )
    if told is None:
        title = next((line for line in message.splitlines() if line.strip()), "")
        return clean_draft(title, message, usage=usage, commands=transcript.commands)
    rationale = as_text(told.get("rationale"))
    effect = as_text(told.get("expected_effect"))
    if effect:
        rationale = f"{rationale}\n\nExpected effect: {effect}"
    return clean_draft(
        as_text(told.get("title")),
        rationale,
        usage=usage,
        target=as_text(told.get("target")),
        commands=transcript.commands,
    )


def output_schema() -> str:
    """The JSON schema of the agent's last message."""
    return json.dumps(
        {
            "type": "object",
            "properties": {name: {"type": "string"} for name in _ANSWER},
            "required": list(_ANSWER),
            "additionalProperties": False,
        }
    )
