import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expertswap.errors import PromptsError
from expertswap.prompts.jsonl import read_prompts
from expertswap.prompts.lines import bounded_lines
from expertswap.prompts.records import Message, Prompt


def write(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "prompts.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_texts_and_conversations_with_and_without_a_domain(tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "image"}, {"type": "text", "text": "two"}]
    path = write(
        tmp_path,
        json.dumps({"text": "Grüße", "domain": "prose"}),
        "",
        json.dumps({"messages": [{"role": "user", "content": parts}], "id": 7}),
    )
    text, conversation = read_prompts(path)
    assert text == Prompt("Grüße", "prose", f"{path}, line 1")
    assert conversation == Prompt((Message("user", "one\ntwo"),), "prompts", f"{path}, line 3")
    assert [prompt.domain for prompt in read_prompts(path, domain="mine")] == ["prose", "mine"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 2 is not JSON"),
        ('"text"', "line 2 is not a JSON object"),
        ("{}", "line 2 has neither"),
        ('{"text": "a", "messages": []}', "line 2 has neither"),
        ('{"text": 3}', "line 2 has neither"),
        ('{"messages": []}', "line 2 has neither"),
        ('{"messages": [{"role": "user"}]}', "line 2: a message lacks"),
        ('{"messages": ["hello"]}', "line 2: a message lacks"),
        ('{"text": "a", "domain": 3}', "line 2: its domain"),
        ("[" * 100_000, "line 2 is not JSON"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, told: str) -> None:
    path = write(tmp_path, '{"text": "good"}', line)
    prompts = read_prompts(path)
    assert next(prompts).content == "good"
    with pytest.raises(PromptsError, match=told):
        next(prompts)


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_bytes(b'{"text": "\xff"}')
    with pytest.raises(PromptsError, match="line 1 is not JSON"):
        list(read_prompts(path))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PromptsError, match="cannot be read"):
        list(read_prompts(tmp_path / "none.jsonl"))


@given(st.lists(st.text("ab", max_size=12)), st.booleans())
def test_lines_are_bounded(lines: list[str], ends: bool) -> None:
    import tempfile  # noqa: PLC0415 - hypothesis wants no function-scoped directory

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "lines")
        path.write_text("\n".join(lines) + ("\n" if ends else ""), encoding="ascii")
        read = list(bounded_lines(path, most_bytes=6))
        whole = path.read_bytes().splitlines(keepends=True)
        assert read == [line if len(line.rstrip(b"\n")) < 6 else None for line in whole]
