import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expertswap.errors import PromptsError
from expertswap.prompts.dialects import read_record
from expertswap.prompts.records import Message
from expertswap.prompts.sessions import read_sessions

CODEX: list[dict[str, Any]] = [
    {"type": "session_meta", "payload": {"id": "1", "cwd": "/home/me"}},
    {
        "type": "response_item",
        "payload": {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "Mend the test."}],
        },
    },
    {"type": "event_msg", "payload": {"type": "user_message", "message": "Mend the test."}},
    {"type": "response_item", "payload": {"type": "reasoning", "summary": []}},
    {
        "type": "response_item",
        "payload": {"type": "function_call", "name": "shell", "arguments": '{"command":"ls"}'},
    },
    {"type": "response_item", "payload": {"type": "function_call_output", "output": "test.py"}},
    {
        "type": "response_item",
        "payload": {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Done."}],
        },
    },
    {"type": "of_the_future", "payload": {}},
]
CLAUDE: list[dict[str, Any]] = [
    {"type": "summary", "summary": "A title", "leafUuid": "x"},
    {"type": "user", "message": {"role": "user", "content": "Mend the test."}},
    {
        "type": "assistant",
        "message": {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm"},
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "name": "Bash", "input": {"command": "ls"}},
            ],
        },
    },
    {
        "type": "user",
        "message": {
            "role": "user",
            "content": [
                {"type": "tool_result", "content": [{"type": "text", "text": "test.py"}]},
            ],
        },
    },
]
STREAM: list[dict[str, Any]] = [
    {"type": "thread.started", "thread_id": "1"},
    {"type": "item.started", "item": {"type": "command_execution", "command": "ls"}},
    {
        "type": "item.completed",
        "item": {"type": "command_execution", "command": "ls", "aggregated_output": "test.py"},
    },
    {"type": "item.completed", "item": {"type": "agent_message", "text": "Done."}},
    {"type": "turn.completed", "usage": {}},
]


def write_log(path: Path, records: list[dict[str, Any]], *, tail: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records) + tail)
    return path


def turns(path: Path) -> list[tuple[str, str]]:
    (prompt,) = read_sessions([path]).prompts
    assert isinstance(prompt.content, tuple)
    return [(message.role, message.content) for message in prompt.content]


def test_codex(tmp_path: Path) -> None:
    path = write_log(tmp_path / "rollout-1.jsonl", CODEX)
    assert turns(path) == [
        ("user", "Mend the test."),
        ("assistant", 'shell {"command":"ls"}'),
        ("user", "test.py"),
        ("assistant", "Done."),
    ]


def test_claude_code(tmp_path: Path) -> None:
    assert turns(write_log(tmp_path / "1.jsonl", CLAUDE)) == [
        ("user", "Mend the test."),
        ("assistant", 'I look.\n\nBash {"command": "ls"}'),
        ("user", "test.py"),
    ]


def test_a_trial_of_overnight_begins_with_its_brief(tmp_path: Path) -> None:
    path = write_log(tmp_path / "trials" / "0001" / "agent.jsonl", STREAM)
    path.with_name("brief.md").write_text("Make it faster.\n")
    assert turns(path) == [
        ("user", "Make it faster."),
        ("assistant", "ls"),
        ("user", "test.py"),
        ("assistant", "Done."),
    ]


def test_aider(tmp_path: Path) -> None:
    path = tmp_path / ".aider.chat.history.md"
    path.write_text(
        "\n# aider chat started at 2026-01-01 10:00:00\n\n> Aider v0.86\n\n#### Mend the test.\n\n"
        "I mend it.\nDone.\n\n> Applied edit\n\n# aider chat started at 2026-01-02 10:00:00\n"
        "#### Thanks.\n"
    )
    first, second = read_sessions([path]).prompts
    assert first.content == (
        Message("user", "Mend the test."),
        Message("assistant", "I mend it.\n\nDone."),
    )
    assert second.content == (Message("user", "Thanks."),)


def test_what_is_not_known_is_counted_and_passed_over(tmp_path: Path) -> None:
    write_log(tmp_path / "2026" / "01" / "rollout-1.jsonl", CODEX, tail='{"type": "resp\n[]\n')
    write_log(tmp_path / "2026" / "02" / "rollout-2.jsonl", [{"type": "of_the_future"}])
    write_log(tmp_path / "notes.txt", CODEX)
    found = read_sessions([tmp_path], domain="work")
    assert [prompt.domain for prompt in found.prompts] == ["work"]
    assert (found.num_files, found.num_records, found.num_unknown) == (2, len(CODEX) + 3, 4)


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PromptsError, match="no session log"):
        read_sessions([tmp_path / "none"])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
KINDS = st.sampled_from(
    ["user", "assistant", "message", "response_item", "item.completed", "function_call_output"]
)


@given(
    st.fixed_dictionaries(
        {"type": KINDS},
        optional={
            name: JSON | st.fixed_dictionaries({"type": KINDS, "content": JSON, "output": JSON})
            for name in ("payload", "message", "item", "content")
        },
    )
)
def test_no_record_is_a_surprise(record: dict[str, Any]) -> None:
    for message in read_record(record) or ():
        assert message.role in {"user", "assistant"}
        assert message.content.strip()
