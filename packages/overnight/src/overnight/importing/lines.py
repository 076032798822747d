"""Foreign bytes as numbered lines, and what could not be read of them."""

import codecs
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from overnight.brief import one_line
from overnight.errors import OvernightError

MOST_LINE_CHARACTERS = 1_000_000
_MOST_QUOTED_CHARACTERS = 60
_LINE_END = re.compile(r"\r\n?|\n")
_MARKED = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class Note:
    """Something of a log that was left out, or had to be guessed."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line that says something, with its number from 1."""

    number: int
    text: str


def lines_of(data: bytes, *, source: str, notes: list[Note]) -> list[Line]:
    """The lines of a text that are not blank, whatever ends them.

    UTF-8, or UTF-16 where a byte order mark says so; bytes that are neither become `U+FFFD`.

    Args:
        source: What the text is called in errors.
        notes: Where lines that are too long are noted.

    Raises:
        OvernightError: It is no text.
    """
    found = []
    for number, text in enumerate(_LINE_END.split(_decoded(data, source)), 1):
        if len(text) > MOST_LINE_CHARACTERS:
            notes.append(Note(number, f"left out: it has {len(text):,} characters"))
        elif text.strip():
            found.append(Line(number, text))
    return found


def objects_of(
    data: bytes, *, source: str, notes: list[Note]
) -> Iterator[tuple[int, Mapping[str, object]]]:
    """The JSON objects of a text that has one in each line, with their line numbers.

    Raises:
        OvernightError: It is no text.
    """
    for line in lines_of(data, source=source, notes=notes):
        try:
            value = json.loads(line.text)
        except (ValueError, RecursionError):
            notes.append(Note(line.number, f"left out: it is no whole JSON: {quoted(line.text)}"))
            continue
        if isinstance(value, dict):
            yield line.number, value
        else:
            notes.append(Note(line.number, f"left out: it is no JSON object: {quoted(line.text)}"))


def unreadable(source: str, why: str, *, line: int | None = None, fix: str) -> OvernightError:
    """The error for a log that cannot be read at all."""
    where = one_line(source) if line is None else f"{one_line(source)}, line {line},"
    return OvernightError(f"{where} {why}.", fix=fix)


def quoted(text: str) -> str:
    """Foreign text in a note."""
    return f"{one_line(text, most_characters=_MOST_QUOTED_CHARACTERS)!r}"


def number_of(value: object) -> float | None:
    """A finite number, also one written as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def text_of(value: object) -> str:
    """Text where there is some."""
    return value if isinstance(value, str) else ""


def _decoded(data: bytes, source: str) -> str:
    for mark, encoding in _MARKED:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    if b"\0" in data:
        raise unreadable(source, "is no text", fix="Name a results.tsv or a log of JSON lines.")
    return data.decode(errors="replace")
