"""What a one-line description says is changed: parameters and directions, from its words alone.

For logs that keep nothing else of a proposal. "halve total batch with 0.7x LRs" changes the batch
and the learning rate, both downwards.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from overnight.compare import vocabulary

_MOST_CHARACTERS = 300
_NUMBER = r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
_PAIR = re.compile(rf"({_NUMBER})\s*%?\s*(?:->|→|=>|to)\s*({_NUMBER})")
_TIMES = re.compile(rf"({_NUMBER})\s?[x\u00d7](?!\w)")
_QUANTITY = re.compile(rf"{_NUMBER}%?\w*")
_LABEL = re.compile(r"^[\w.]+:\s+")  # such as "P1.2a:" or "Hypothesis:"
_ASIDE = re.compile(r"\s[(\[]|\s[-\u2013\u2014]{1,2}\s|[;:](?:\s|$)|\.\s")
_JOINT = re.compile(r"\s(?:and|with|plus|then)\s|\s?[,+&]\s|(?<=\d)\s+(?=[A-Za-z_]\w*\s*=)")
_CIRCUMSTANCE = re.compile(
    r"\s(?:for|during|over|while|so|because|since|as|when|instead|than|via|to(?=\s+[a-z]+\s))\s.*$"
)
_TARGET = re.compile(r"=|->|→|\s(?:to|from|by)(?:\s|$)")
_WORD = re.compile(r"[^\W\d_]+\d*")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")


class Direction(StrEnum):
    """Which way something was changed."""

    UP = "up"
    DOWN = "down"
    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Topic:
    """What a name or a phrase is about, so that "LR warmdown ratio" and WARMDOWN_RATIO are one.

    Attributes:
        head: Its last word that says something of its own.
        others: The other such words.
    """

    head: str
    others: frozenset[str] = frozenset()

    def fits(self, other: "Topic") -> bool:
        """Whether the two may be the same: the same head, and nothing that speaks against it."""
        if self.head != other.head:
            return False
        return not self.others or not other.others or bool(self.others & other.others)


@dataclass(frozen=True, slots=True)
class Mention:
    """One thing that a description says is changed."""

    words: str
    topic: Topic
    direction: Direction


def mentions(text: str) -> list[Mention]:
    """Everything that a description says is changed, in its order, each topic once."""
    line = " ".join(text[:_MOST_CHARACTERS].split())
    return _mentions(_LABEL.sub("", line)) or _mentions(line)


def topic_of(name: str) -> Topic | None:
    """What a name or some words are about; None where they say nothing."""
    spaced = _CAMEL.sub(" ", name).lower()
    for pattern, short in vocabulary.ALIASES:
        spaced = re.sub(pattern, short, spaced)
    words = [
        word for word in map(_singular, _WORD.findall(spaced)) if word not in vocabulary.FILLING
    ]
    own = [word for word in words if word not in vocabulary.GENERIC] or words
    return Topic(own[-1], frozenset(own[:-1])) if own else None


def direction_of(clause: str) -> Direction | None:
    """Numbers say it best, then words; None where the clause does not say that it changes."""
    pair, times = _PAIR.search(clause), _TIMES.search(clause)
    if pair is not None:
        return by_numbers(float(pair[1]), float(pair[2]))
    if times is not None:
        return by_numbers(1.0, float(times[1]))
    words = [word.lower() for word in _WORD.findall(clause)]
    for word in words:
        if word in vocabulary.UP or word in vocabulary.DOWN:
            return Direction.UP if word in vocabulary.UP else Direction.DOWN
    first = words[0] if words else ""
    if first in vocabulary.ADDS | vocabulary.REMOVES:
        return Direction.ADDED if first in vocabulary.ADDS else Direction.REMOVED
    changes = (
        first in vocabulary.VERBS
        or _QUANTITY.search(clause)
        or vocabulary.OTHERWISE.intersection(words)
    )
    return Direction.CHANGED if changes else None


def by_numbers(old: float, new: float) -> Direction:
    """The direction from one value to another."""
    if old == new:
        return Direction.CHANGED
    return Direction.UP if new > old else Direction.DOWN


def _mentions(line: str) -> list[Mention]:
    """Of the part that says what was done, not why or what came of it."""
    head = _ASIDE.split(line, maxsplit=1)[0]
    said = head if _WORD.search(head) else line
    found: dict[Topic, Mention] = {}
    for place, clause in enumerate(filter(str.strip, _JOINT.split(said))):
        direction, words = direction_of(clause), list(_subject(clause))
        topic = topic_of(" ".join(words))
        if topic is not None and (direction is not None or place == 0):
            mention = Mention(" ".join(words), topic, direction or Direction.CHANGED)
            found.setdefault(topic, mention)
    return list(found.values())


def _subject(clause: str) -> Iterator[str]:
    """The words of a clause that name what is changed."""
    bare = _QUANTITY.sub(" ", _CIRCUMSTANCE.sub("", f" {clause} "))
    named, *rest = _TARGET.split(bare, maxsplit=1)
    yield from list(_names(named)) or _names(" ".join(rest))


def _names(text: str) -> Iterator[str]:
    for place, word in enumerate(_WORD.findall(text)):
        lower = word.lower()
        is_verb = place == 0 and lower in vocabulary.VERBS
        if (
            not is_verb
            and lower
            not in vocabulary.UP | vocabulary.DOWN | vocabulary.OTHERWISE | vocabulary.FILLING
        ):
            yield word


def _singular(word: str) -> str:
    if word.endswith(("ss", "us", "is")) or len(word) < 3:
        return word
    return word[:-1] if word.endswith("s") else word
