"""Prompts from the session logs of coding agents: each session is one conversation."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expertswap.errors import PromptsError
from expertswap.prompts.dialects import read_aider, read_record
from expertswap.prompts.lines import bounded_lines
from expertswap.prompts.records import Message, Prompt, merge_turns

_MOST_CHARACTERS = 8 * 2**20
_AIDER = ".aider.chat.history.md"
_OVERNIGHT, _BRIEF = "agent.jsonl", "brief.md"


@dataclass(frozen=True, slots=True)
class Sessions:
    """What was read, and how much was passed over.

    Args:
        prompts: One for each session with a message.
        num_files: Files that were read.
        num_records: Records in them.
        num_unknown: Records that are damaged, too long, or of a kind that no dialect knows.
    """

    prompts: tuple[Prompt, ...]
    num_files: int = 0
    num_records: int = 0
    num_unknown: int = 0


def read_sessions(paths: Iterable[Path], *, domain: str = "sessions") -> Sessions:
    """The sessions in files, and in directories whatever their depth.

    Args:
        paths: Logs (``*.jsonl``, aider's history), or directories of them.
        domain: Of all of them.

    Raises:
        PromptsError: A path does not exist or cannot be read.
    """
    found = Sessions(())
    for path in paths:
        for file in _files(path):
            one = _read_aider(file, domain) if file.name == _AIDER else _read_jsonl(file, domain)
            found = Sessions(
                prompts=found.prompts + one.prompts,
                num_files=found.num_files + 1,
                num_records=found.num_records + one.num_records,
                num_unknown=found.num_unknown + one.num_unknown,
            )
    return found


def _files(path: Path) -> Sequence[Path]:
    if path.is_dir():
        logs = (file for pattern in ("*.jsonl", _AIDER) for file in path.rglob(pattern))
        return sorted(file for file in logs if file.is_file())
    if not path.is_file():
        raise PromptsError(f"There is no session log {path}.")
    return [path]


def _read_jsonl(path: Path, domain: str) -> Sessions:
    messages = _brief(path.with_name(_BRIEF)) if path.name == _OVERNIGHT else []
    size = num_records = num_unknown = 0
    for line in bounded_lines(path):
        record = _object(line)
        told = None if record is None else read_record(record)
        num_records += 1
        num_unknown += told is None
        for message in told or ():
            if size < _MOST_CHARACTERS:
                messages.append(message)
            size += len(message.content)
    prompts = _prompts([messages], path, domain)
    return Sessions(prompts, num_records=num_records, num_unknown=num_unknown)


def _read_aider(path: Path, domain: str) -> Sessions:
    lines = (line.decode(errors="replace") for line in bounded_lines(path) if line is not None)
    prompts = _prompts(read_aider(lines), path, domain)
    return Sessions(prompts, num_records=len(prompts))


def _prompts(sessions: Iterable[Sequence[Message]], path: Path, domain: str) -> tuple[Prompt, ...]:
    return tuple(
        Prompt(merge_turns(messages), domain, str(path)) for messages in sessions if messages
    )


def _brief(path: Path) -> list[Message]:
    """What overnight asked of the agent, which the agent's events do not repeat."""
    if not path.is_file():
        return []
    with path.open("rb") as file:
        text = file.read(_MOST_CHARACTERS).decode(errors="replace").strip()
    return [Message("user", text)] if text else []


def _object(line: bytes | None) -> dict[str, Any] | None:
    try:
        values = json.loads(line) if line is not None else None
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None
