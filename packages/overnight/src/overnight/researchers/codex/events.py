"""What a run of Codex said: its event stream, and its own record of the tokens it used."""

from collections.abc import Iterable
from pathlib import Path

from overnight.researchers.agent.transcript import (
    Transcript,
    as_commands,
    as_object,
    objects,
    total,
)
from overnight.researchers.drafts import as_count, as_text
from overnight.types import JsonValue, Usage

_NOTICE = "Reconnecting..."


def read_transcript(lines: Iterable[bytes]) -> Transcript:
    """Read an event stream, past lines that are broken or of an unknown kind."""
    completed, message, complaint, failure = False, "", "", ""
    usage: Usage | None = None
    commands: list[JsonValue] = []
    for event in objects(lines):
        match event.get("type"):
            case "item.completed":
                item = as_object(event.get("item"))
                if item.get("type") == "agent_message":
                    message = as_text(item.get("text"))
                elif item.get("type") == "command_execution":
                    commands.append(item.get("command"))
            case "turn.completed":
                completed = True
                usage = read_usage(event.get("usage"))
            case "turn.failed":
                failure = as_text(as_object(event.get("error")).get("message"))
            case "error":
                told = as_text(event.get("message"))
                complaint = complaint if told.startswith(_NOTICE) else told
    return Transcript(completed, message, failure or complaint, usage, as_commands(commands))


def read_rollout_usage(files: Iterable[Path]) -> Usage | None:
    """What threads used according to Codex's own records, which a killed run leaves as well."""
    return total(usage for file in files if (usage := _thread_usage(file)) is not None)


def _thread_usage(file: Path) -> Usage | None:
    last: Usage | None = None
    with file.open("rb") as lines:
        for record in objects(line for line in lines if b"thread_token_usage" in line):
            if record.get("type") == "token_usage_record":
                last = read_usage(as_object(record.get("payload")).get("thread_token_usage"))
    return last


def read_usage(value: JsonValue) -> Usage | None:
    """Codex's token counts; all zero is what it says when the endpoint told it nothing."""
    told = as_object(value)
    usage = Usage(
        input_tokens=as_count(told.get("input_tokens")),
        cached_input_tokens=as_count(told.get("cached_input_tokens")),
        output_tokens=as_count(told.get("output_tokens")),
        reasoning_tokens=as_count(told.get("reasoning_output_tokens")),
    )
    return usage if usage.total_tokens else None
