"""Text to tokens: a tokenizer, training tokens by domain, and prompts by split and domain.

A folder of prepared text holds::

    tokenizer/                 for AutoTokenizer
    tokens.safetensors         uint16, training tokens of each domain, documents ended by a token
    prompts/SPLIT.jsonl        one prompt a line: {"domain": ..., "text": ...}
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from tinymoe.sizes import Size
from tinymoe.text import Document, Domain, Split, documents

TOKENS = "tokens.safetensors"
END, PADDING = "<|endoftext|>", "<|padding|>"
TOKENIZER_BYTES = 2_000_000  # of each domain that the tokenizer learns from
PROMPTS_OF_DOCUMENT = 8  # at most, evenly apart
LONG_LINE = 40  # characters from which a line tells that two texts have a common origin
MAX_SHARED_LINES = 0.25  # of a prompt's long lines


class TooLittleText(RuntimeError):
    """A domain has less text than one row of training."""


def prepare(size: Size, out: Path) -> None:
    """Write a folder of prepared text.

    Raises:
        TooLittleText: A domain has hardly any on this machine.
    """
    found = list(documents(size.text_bytes))
    training = [document for document in found if document.split is Split.TRAIN]
    tokenizer = trained_tokenizer(training, vocabulary=size.vocabulary)
    out.mkdir(parents=True, exist_ok=True)
    for_transformers(tokenizer, context=size.context).save_pretrained(out / "tokenizer")
    (out / "prompts").mkdir(exist_ok=True)
    length = size.context * 3 // 4  # so that an answer fits into the context
    seen: set[str] = set()
    for split in Split:  # no prompt shares many long lines with a split before its own
        of_split = [document for document in found if document.split is split]
        prompts = prompts_of(of_split, tokenizer, length=length, seen=seen, most=size.prompts)
        write_prompts(prompts, out / "prompts" / f"{split}.jsonl")
        seen.update(line for document in of_split for line in long_lines(document.text))
    tokens = {domain.value: training_tokens(training, domain, tokenizer) for domain in Domain}
    if short := [domain for domain, ids in tokens.items() if len(ids) <= size.context]:
        raise TooLittleText(f"This machine has too little text of {' and '.join(short)}.")
    save_file(tokens, out / TOKENS)


def is_prepared(out: Path) -> bool:
    """Whether a folder holds prepared text; its tokens come last."""
    return (out / TOKENS).exists()


def trained_tokenizer(training: Iterable[Document], *, vocabulary: int) -> Tokenizer:
    """A byte-level BPE with single digits, learnt from as much text of each domain."""
    tokenizer = Tokenizer(models.BPE())
    digits = pre_tokenizers.Digits(individual_digits=True)
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END, PADDING],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    room = dict.fromkeys(Domain, TOKENIZER_BYTES)
    texts = []
    for document in training:
        if room[document.domain] > 0:
            room[document.domain] -= len(document.text)
            texts.append(document.text)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def for_transformers(tokenizer: Tokenizer, *, context: int) -> PreTrainedTokenizerFast:
    """The same tokenizer as ``AutoTokenizer`` will load it."""
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call] # transformers has no types
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PADDING,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )


def training_tokens(
    training: Iterable[Document], domain: Domain, tokenizer: Tokenizer
) -> np.ndarray[tuple[int], np.dtype[np.uint16]]:
    """All training documents of a domain, one after another, each ended by a token."""
    texts = [document.text for document in training if document.domain is domain]
    end = tokenizer.token_to_id(END)
    encodings = tokenizer.encode_batch_fast(texts)
    nothing = np.array([], np.uint16)
    return np.concatenate([nothing, *(np.array([*e.ids, end], np.uint16) for e in encodings)])


def prompts_of(
    found: Sequence[Document],
    tokenizer: Tokenizer,
    *,
    length: int,
    seen: AbstractSet[str],
    most: int,
) -> Iterator[tuple[Domain, str]]:
    """Prompts of documents, domain by domain.

    Args:
        found: Where they are taken from.
        tokenizer: By which their length is measured.
        length: Tokens of a prompt.
        seen: Long lines, of which a prompt may have few.
        most: Prompts of a domain.
    """
    for domain in Domain:
        texts = (document.text for document in found if document.domain is domain)
        pieces = (piece for text in texts for piece in windows(text, tokenizer, length=length))
        new = (piece for piece in pieces if shared_lines(piece, seen) <= MAX_SHARED_LINES)
        yield from ((domain, piece) for piece in islice(new, most))


def shared_lines(text: str, seen: AbstractSet[str]) -> float:
    """The share of a text's long lines that were seen before; 0 without any long line."""
    lines = long_lines(text)
    return sum(line in seen for line in lines) / max(1, len(lines))


def windows(text: str, tokenizer: Tokenizer, *, length: int) -> Iterator[str]:
    """Pieces of a text, evenly apart, of ``length`` tokens each; of a shorter text one piece."""
    offsets = tokenizer.encode(text).offsets
    pieces = max(1, min(PROMPTS_OF_DOCUMENT, len(offsets) // length))
    for piece in range(pieces):
        start = piece * len(offsets) // pieces
        last = min(start + length, len(offsets)) - 1
        yield text[offsets[start][0] : offsets[last][1]]


def long_lines(text: str) -> list[str]:
    """The lines of a text that say enough to be recognised."""
    stripped = (line.strip() for line in text.splitlines())
    return [line for line in stripped if len(line) >= LONG_LINE]


def write_prompts(prompts: Iterable[tuple[Domain, str]], path: Path) -> None:
    """Write a line for each."""
    with path.open("w", encoding="utf-8") as file:
        for domain, text in prompts:
            file.write(json.dumps({"domain": domain.value, "text": text}) + "\n")


def read_prompts(path: Path) -> dict[str, list[str]]:
    """Prompts by domain."""
    prompts: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        prompt = json.loads(line)
        prompts.setdefault(prompt["domain"], []).append(prompt["text"])
    return prompts
