"""What a text is about, as far as its words tell; works for prose and for names in code."""

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

_MOST_CHARACTERS = 32_000
_STEM_CHARACTERS = 6
_WORD = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def words(text: str) -> list[str]:
    """A text's words in lower case, those of one or two letters left out.

    ``KEEP_FRACTION`` and ``keepFraction`` have two words.
    """
    found = _WORD.findall(_CAMEL.sub(" ", text[:_MOST_CHARACTERS]))
    return [word.lower() for word in found if len(word) > 2]


@lru_cache(maxsize=256)
def stems(text: str) -> frozenset[str]:
    """The beginnings of a text's words, so that "masked" and "masking" are one."""
    return frozenset(word[:_STEM_CHARACTERS] for word in words(text))


def novelty(text: str, *, home: frozenset[str]) -> float | None:
    """The share of a text's words that are not at home; None for a text without words."""
    found = stems(text)
    return len(found - home) / len(found) if found else None


def strange_words(texts: Iterable[str], *, home: frozenset[str]) -> list[str]:
    """The words that are not at home, those of most texts first."""
    counts = Counter(word for text in texts for word in dict.fromkeys(words(text)))
    return [word for word, _ in counts.most_common() if word[:_STEM_CHARACTERS] not in home]


def vocabulary(texts: Iterable[str]) -> frozenset[str]:
    """Every stem of some texts."""
    return frozenset().union(*map(stems, texts))
