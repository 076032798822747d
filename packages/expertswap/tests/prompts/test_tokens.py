from pathlib import Path

import pytest

from expertswap.errors import CheckpointError, PromptsError
from expertswap.prompts.records import Message, Prompt
from expertswap.prompts.tokens import load_tokenizer, tokenize
from expertswap.testing.tiny_models import tiny_tokenizer

ASKED = (Message("user", "hi"),)
ANSWERED = (*ASKED, Message("assistant", "ho"))


def prompt(content: str | tuple[Message, ...]) -> Prompt:
    return Prompt(content, "code", "prompts.jsonl, line 3")


def test_the_models_chat_template_is_applied() -> None:
    tokenizer = tiny_tokenizer()
    found = tokenize([prompt(ASKED), prompt(ANSWERED), prompt("hi")], tokenizer, max_tokens=99)
    assert [tokenizer.decode(one.token_ids) for one in found.prompts] == [
        "<turn>user: hi</s><turn>assistant: ",
        "<turn>user: hi</s><turn>assistant: ho</s>",
        "hi",
    ]


def test_what_is_cut_is_counted() -> None:
    found = tokenize([prompt("a" * 9), prompt("b" * 4)], tiny_tokenizer(), max_tokens=5)
    assert [len(one) for one in found.prompts] == [5, 4]
    assert (found.num_cut, found.cut_tokens) == (1, 4)


def test_a_tokenizer_without_a_chat_template() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = None
    with pytest.raises(PromptsError, match=r"line 3.*no chat template.*--plain"):
        tokenize([prompt(ANSWERED)], tokenizer, max_tokens=99)
    (plain,) = tokenize([prompt(ANSWERED)], tokenizer, max_tokens=99, plain=True).prompts
    assert tokenizer.decode(plain.token_ids) == "user: hi\n\nassistant: ho"


def test_a_template_that_refuses_a_conversation_is_told_with_its_reason() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = "{{ raise_exception('roles must alternate') }}"
    with pytest.raises(PromptsError, match=r"line 3.*roles must alternate"):
        tokenize([prompt(ASKED)], tokenizer, max_tokens=99)


def test_nothing_to_read() -> None:
    with pytest.raises(PromptsError, match="no prompts"):
        tokenize([], tiny_tokenizer(), max_tokens=9)
    with pytest.raises(PromptsError, match="no prompts"):
        tokenize([prompt("")], tiny_tokenizer(), max_tokens=9)


def test_a_model_without_a_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "mixtral"}')
    with pytest.raises(CheckpointError, match="tokenizer of"):
        load_tokenizer(tmp_path)
