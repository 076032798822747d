"""What a run of Codex said: its event stream, and its own record of the tokens it used."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from overnight.researchers.drafts import as_count, as_text, clean_draft, parse_object
from overnight.types import Draft, JsonValue, Usage

MOST_COMMANDS = 200
_MOST_COMMAND_CHARACTERS = 500
_NOTICE = "Reconnecting..."


@dataclass(frozen=True, slots=True)
class Transcript:
    """What matters of an event stream.

    Attributes:
        completed: Whether Codex says that its turn came to a good end.
        message: The agent's last message, or an empty string.
        failure: Why the turn failed, in Codex's words, or an empty string.
        usage: What the thread used in all; None where no number was told.
        commands: The shell commands that the agent ran, the first `MOST_COMMANDS` of them.
    """

    completed: bool = False
    message: str = ""
    failure: str = ""
    usage: Usage | None = None
    commands: tuple[str, ...] = ()


def read_transcript(lines: Iterable[bytes]) -> Transcript:
    """Read an event stream, past lines that are broken or of an unknown kind."""
    completed, message, complaint, failure = False, "", "", ""
    usage: Usage | None = None
    commands: list[str] = []
    for event in _objects(lines):
        match event.get("type"):
            case "item.completed":
                item = _object(event.get("item"))
                if item.get("type") == "agent_message":
                    message = as_text(item.get("text"))
                elif item.get("type") == "command_execution":
                    commands.append(as_text(item.get("command"))[:_MOST_COMMAND_CHARACTERS])
            case "turn.completed":
                completed = True
                usage = read_usage(event.get("usage"))
            case "turn.failed":
                failure = as_text(_object(event.get("error")).get("message"))
            case "error":
                told = as_text(event.get("message"))
                complaint = complaint if told.startswith(_NOTICE) else told
    kept = tuple(commands[:MOST_COMMANDS])
    return Transcript(completed, message, failure or complaint, usage, kept)


def read_rollout_usage(files: Iterable[Path]) -> Usage | None:
    """What threads used according to Codex's own records, which a killed run leaves as well."""
    totals = [usage for file in files if (usage := _thread_usage(file)) is not None]
    if not totals:
        return None
    return Usage(
        input_tokens=sum(usage.input_tokens or 0 for usage in totals),
        cached_input_tokens=sum(usage.cached_input_tokens or 0 for usage in totals),
        output_tokens=sum(usage.output_tokens or 0 for usage in totals),
        reasoning_tokens=sum(usage.reasoning_tokens or 0 for usage in totals),
    )


def _thread_usage(file: Path) -> Usage | None:
    last: Usage | None = None
    with file.open("rb") as lines:
        for record in _objects(line for line in lines if b"thread_token_usage" in line):
            if record.get("type") == "token_usage_record":
                last = read_usage(_object(record.get("payload")).get("thread_token_usage"))
    return last


def read_usage(value: JsonValue) -> Usage | None:
    """Codex's token counts; all zero is what it says when the endpoint told it nothing."""
    told = _object(value)
    usage = Usage(
        input_tokens=as_count(told.get("input_tokens")),
        cached_input_tokens=as_count(told.get("cached_input_tokens")),
        output_tokens=as_count(told.get("output_tokens")),
        reasoning_tokens=as_count(told.get("reasoning_output_tokens")),
    )
    return usage if usage.total_tokens else None


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
    names = ("title", "rationale", "target", "expected_effect")
    return json.dumps(
        {
            "type": "object",
            "properties": {name: {"type": "string"} for name in names},
            "required": list(names),
            "additionalProperties": False,
        }
    )


def _objects(lines: Iterable[bytes]) -> Iterator[dict[str, JsonValue]]:
    return (found for line in lines if (found := parse_object(line)) is not None)


def _object(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, Mapping) else {}
