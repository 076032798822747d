"""Putting an edit into a text: exact, but for whitespace where that leaves no doubt."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from overnight.researchers.chat.blocks import Block

_NEAREST_LINES = 12
Alter: TypeAlias = Callable[[str], str]


class DoesNotFit(Exception):
    """An edit cannot be made; says why."""


@dataclass(frozen=True, slots=True)
class _Match:
    """Where lines were found.

    Attributes:
        alter: What makes the new lines as deeply indented as the old ones are.
    """

    start: int
    alter: Alter


def fit(text: str | None, block: Block) -> str:
    """The text with an edit made.

    Lines are compared as they are; if that finds none, without blanks at their ends; if that finds
    none, with one and the same indentation more or less on all of them.

    Args:
        text: The file's, or None where there is no such file.

    Raises:
        DoesNotFit: The lines are not there, or more than once.
    """
    if not any(line.strip() for line in block.search):
        return _made(text, block)
    if text is None:
        raise DoesNotFit("there is no such file")
    ends = "\r\n" if "\r\n" in text and text.count("\r\n") == text.count("\n") else "\n"
    lines = text.split(ends)
    match = _only_match(lines, block.search)
    fresh = [match.alter(line) for line in block.replace]
    after = lines[match.start + len(block.search) :]
    return ends.join([*lines[: match.start], *fresh, *after])


def nearest(text: str, search: Sequence[str]) -> str:
    """The lines of a text that have most in common with some others, to show what stands there."""
    wanted = {line.strip() for line in search} - {""}
    lines = text.splitlines()
    size = min(len(search), _NEAREST_LINES)
    hits = [line.strip() in wanted for line in lines]
    windows = range(max(1, len(lines) - size + 1))
    best = max(
        windows, key=lambda start: (sum(hits[start : start + size]), hits[start : start + 1])
    )
    found = lines[best : best + size]
    return "\n".join(found) if any(hits[best : best + size]) else ""


def _made(text: str | None, block: Block) -> str:
    if text is not None and text.strip():
        raise DoesNotFit("its first half is empty, but the file has lines already")
    return "\n".join([*block.replace, ""]) if block.replace else ""


def _only_match(lines: Sequence[str], search: Sequence[str]) -> _Match:
    for compare in (_same, _same_but_for_ends, _same_but_for_indentation):
        starts = range(len(lines) - len(search) + 1)
        windows = ((start, lines[start : start + len(search)]) for start in starts)
        found = [
            _Match(start, alter)
            for start, window in windows
            if (alter := compare(window, search)) is not None
        ]
        if len(found) > 1:
            raise DoesNotFit(
                f"its first half is in the file {len(found)} times; add lines that make it unique"
            )
        if found:
            return found[0]
    raise DoesNotFit("its first half is not in the file")


def _as_it_is(line: str) -> str:
    return line


def _same(window: Sequence[str], search: Sequence[str]) -> Alter | None:
    return _as_it_is if [*window] == [*search] else None


def _same_but_for_ends(window: Sequence[str], search: Sequence[str]) -> Alter | None:
    pairs = zip(window, search, strict=True)
    return _as_it_is if all(a.rstrip() == b.rstrip() for a, b in pairs) else None


def _same_but_for_indentation(window: Sequence[str], search: Sequence[str]) -> Alter | None:
    if [line.strip() for line in window] != [line.strip() for line in search]:
        return None
    pairs = [(_indent(a), _indent(b)) for a, b in zip(window, search, strict=True) if a.strip()]
    there, told = pairs[0]
    if there.endswith(told):
        more = there.removesuffix(told)
        if all(a == more + b for a, b in pairs):
            return lambda line: more + line if line.strip() else line
    if told.endswith(there):
        less = told.removesuffix(there)
        if all(less + a == b for a, b in pairs):
            return lambda line: _without(line, less)
    return None


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _without(line: str, indentation: str) -> str:
    if line.strip() and not line.startswith(indentation):
        raise DoesNotFit("its halves are indented otherwise than the file and each other")
    return line.removeprefix(indentation)
