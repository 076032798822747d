"""Prompts as the model's tokens: chat templates applied, long ones cut."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from expertswap.errors import CheckpointError, PromptsError
from expertswap.prompts.records import Message, Prompt

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, eq=False, slots=True)
class TokenizedPrompt:
    """A prompt as the model takes it.

    Args:
        number: Its place among all prompts that were read.
        domain: Its domain.
        token_ids: int32, at least one.
    """

    number: int
    domain: str
    token_ids: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.token_ids)


@dataclass(frozen=True, slots=True)
class Tokenized:
    """All prompts as tokens, and what became of the rest.

    Args:
        prompts: Those with at least one token.
        num_cut: How many were longer than allowed.
        cut_tokens: How many tokens were cut off them.
    """

    prompts: tuple[TokenizedPrompt, ...]
    num_cut: int
    cut_tokens: int


def load_tokenizer(model: Path) -> "PreTrainedTokenizerBase":
    """The tokenizer beside a model's weights.

    Raises:
        CheckpointError: There is none that can be read.
    """
    from transformers import AutoTokenizer  # noqa: PLC0415 - seconds

    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            model, local_files_only=True
        )
    except Exception as error:  # its errors have no common type
        raise CheckpointError(
            f"The tokenizer of {model} cannot be read: {error}.",
            fix="Copy tokenizer.json and tokenizer_config.json of the original model there.",
        ) from error
    return tokenizer


def tokenize(
    prompts: Iterable[Prompt],
    tokenizer: "PreTrainedTokenizerBase",
    *,
    max_tokens: int,
    plain: bool = False,
) -> Tokenized:
    """Prompts as tokens, each cut at its end to ``max_tokens``.

    Args:
        prompts: In their order.
        tokenizer: The model's.
        max_tokens: Longest prompt.
        plain: Join the messages of a conversation as text instead of using the chat template.

    Raises:
        PromptsError: There is no prompt, or one has messages and the tokenizer no template.
    """
    found: list[TokenizedPrompt] = []
    num_cut = cut_tokens = 0
    for number, prompt in enumerate(prompts):
        ids = _ids(prompt, tokenizer, plain=plain)
        num_cut += len(ids) > max_tokens
        cut_tokens += max(0, len(ids) - max_tokens)
        if ids:
            kept = np.array(ids[:max_tokens], np.int32)
            found.append(TokenizedPrompt(number, prompt.domain, kept))
    if not found:
        raise PromptsError("There are no prompts.", fix="Give at least one with some text.")
    return Tokenized(tuple(found), num_cut, cut_tokens)


def _ids(prompt: Prompt, tokenizer: "PreTrainedTokenizerBase", *, plain: bool) -> Sequence[int]:
    if isinstance(prompt.content, str):
        return list(tokenizer(prompt.content)["input_ids"])
    if plain:
        return list(tokenizer(_joined(prompt.content))["input_ids"])
    if not tokenizer.chat_template:
        raise PromptsError(
            f"{prompt.source}: this is a conversation, and the model's tokenizer has no chat"
            " template.",
            fix="Give `text` instead of `messages`, or join them as text with --plain.",
        )
    messages: list[Any] = [
        {"role": message.role, "content": message.content} for message in prompt.content
    ]
    try:
        text = tokenizer.apply_chat_template(
            messages,
            tokenize=False,
            add_generation_prompt=prompt.content[-1].role == "user",
        )
    except Exception as error:  # templates raise what they like
        raise PromptsError(
            f"{prompt.source}: the model's chat template refuses this conversation: {error}.",
            fix="Join the messages as text with --plain.",
        ) from error
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _joined(messages: Sequence[Message]) -> str:
    return "\n\n".join(f"{message.role}: {message.content}" for message in messages)
