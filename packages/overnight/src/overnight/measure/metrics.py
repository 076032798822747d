"""The numbers that a run reports, read from its output and its metrics file.

Four forms count: a line ``name: value``, a line ``name=value``, a line that is a JSON object, and
the file at ``$OVERNIGHT_METRICS`` with one JSON object or one a line. Objects may be nested;
the names of their levels are joined with dots. A line reports one metric or, as JSON, several:
text around it makes it something else. The last report of a name counts, readable or not, and the
file comes after the output.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TypeAlias

from rapidfuzz import fuzz, process

from overnight.types import JsonValue

_LONGEST_LINE_BYTES = 4096
_SHOWN_CHARACTERS = 60
_SIMILARITY_PERCENT = 55

_NAME = r"[A-Za-z_][\w./-]{0,254}+"
_JSON_NAME = re.compile(_NAME, re.ASCII)
# Begins and ends with the line end itself, which lets the search leap from line to line.
_REPORT = re.compile(
    rf"\n[ \t]*+(?:({_NAME})[ \t]*+[:=]|(?=\{{))([^\n]{{0,{_LONGEST_LINE_BYTES}}}+)(?=\n)".encode()
)
_TERMINAL_CODE = re.compile(
    rb"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|\][^\x07\x1b\n]*+(?:\x07|\x1b\\)?|[@-Z\\^_])"
)
_NUMBER = re.compile(r"[+-]?(?:\d++\.?\d*+|\.\d++)(?:e[+-]?\d++)?", re.ASCII | re.IGNORECASE)
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)

# One decoder for all: json.loads with an option builds a new one for every call.
_JSON = json.JSONDecoder(parse_int=float)

_Raw: TypeAlias = bytes | JsonValue


class FaultKind(StrEnum):
    """Why there is no number under a name."""

    MISSING = "missing"
    NOT_A_NUMBER = "not a number"
    INFINITE = "infinite"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Fault:
    """A metric without a usable value.

    Attributes:
        text: What was reported in place of a number, shortened and without control characters.
        near_misses: Names with a number that resemble a missing one, the closest first.
        file_problem: Why the metrics file could not be read in full, or an empty string.
    """

    kind: FaultKind
    name: str
    text: str = ""
    near_misses: tuple[str, ...] = ()
    file_problem: str = ""

    @property
    def explanation(self) -> str:
        """What is wrong, and what to do about it."""
        match self.kind:
            case FaultKind.MISSING:
                return self._explain_missing()
            case FaultKind.NOT_A_NUMBER:
                return f"{self.name} is not a number ({self.text}): the run has likely diverged."
            case FaultKind.INFINITE:
                return f"{self.name} is infinite ({self.text}): the run has likely diverged."
            case FaultKind.UNREADABLE:
                return (
                    f"{self.name} was reported as {self.text}, which is no number. "
                    f"Print the bare number: '{self.name}: 0.98'."
                )

    def _explain_missing(self) -> str:
        sentences = [f"The run reported no {self.name}."]
        if self.near_misses:
            sentences.append(f"Did you mean {' or '.join(self.near_misses)}?")
        if self.file_problem:
            sentences.append(self.file_problem)
        sentences.append(
            f"Print it on a line of its own, '{self.name}: 0.98', or write "
            f'{{"{self.name}": 0.98}} to the file at $OVERNIGHT_METRICS.'
        )
        return " ".join(sentences)


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that one run reported.

    Attributes:
        values: The finite numbers, last report of each name.
        faults: Names whose last report is no finite number.
        counts: How many times each name was reported; in the file, once.
        file_problem: Why the metrics file could not be read in full, or an empty string.
    """

    values: Mapping[str, float]
    faults: Mapping[str, Fault]
    counts: Mapping[str, int] = field(default_factory=dict)
    file_problem: str = ""

    def look_up(self, name: str) -> float | Fault:
        """The value of exactly this metric, or why there is none."""
        if name in self.values:
            return self.values[name]
        if name in self.faults:
            return self.faults[name]
        similar = process.extract(
            name,
            list(self.values),
            scorer=fuzz.ratio,
            processor=str.casefold,
            score_cutoff=_SIMILARITY_PERCENT,
            limit=3,
        )
        return Fault(
            FaultKind.MISSING,
            name,
            near_misses=tuple(choice for choice, _, _ in similar),
            file_problem=self.file_problem,
        )


def read_metrics(output: bytes | str, metrics_file: bytes | None = None) -> Reading:
    """Read what a run reported.

    Carriage returns end lines, terminal colours are taken off, and lines above 4 KiB are
    skipped.

    Args:
        metrics_file: Content of the file at ``$OVERNIGHT_METRICS``, None where there is none.
    """
    if isinstance(output, str):
        output = output.encode(errors="replace")
    last: dict[str, _Raw] = {}
    counts: Counter[str] = Counter()
    for name, raw in _reports(output):
        last[name] = raw
        counts[name] += 1
    in_file, file_problem = _read_file(metrics_file) if metrics_file is not None else ({}, "")
    counts.update(in_file.keys())
    judged = {name: _judge(name, raw) for name, raw in (last | in_file).items()}
    return Reading(
        values={name: found for name, found in judged.items() if isinstance(found, float)},
        faults={name: found for name, found in judged.items() if isinstance(found, Fault)},
        counts=counts,
        file_problem=file_problem,
    )


def _reports(output: bytes) -> Iterator[tuple[str, _Raw]]:
    if b"\x1b" in output:
        output = _TERMINAL_CODE.sub(b"", output)
    lines = b"\n%b\n" % output.replace(b"\r", b"\n")
    for found in _REPORT.finditer(lines):
        name, rest = found.groups()
        if name is not None:
            yield name.decode("ascii"), rest
        else:
            yield from _members(_parse_object(rest) or {})


def _parse_object(text: bytes) -> dict[str, JsonValue] | None:
    """A JSON object whose numbers are all floats, or None for anything else."""
    try:
        document = _JSON.decode(text.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _members(document: dict[str, JsonValue]) -> Iterator[tuple[str, JsonValue]]:
    """Everything in an object and its inner objects that has the name of a metric."""
    levels = [("", document)]
    while levels:
        prefix, level = levels.pop()
        for key, value in level.items():
            name = prefix + key
            if isinstance(value, dict):
                levels.append((f"{name}.", value))
            elif _is_name(name):
                yield name, value


@lru_cache(maxsize=4096)
def _is_name(text: str) -> bool:
    return _JSON_NAME.fullmatch(text) is not None


def _read_file(content: bytes) -> tuple[dict[str, JsonValue], str]:
    whole = _parse_object(content)
    if whole is not None:
        return dict(_members(whole)), ""
    found: dict[str, JsonValue] = {}
    bad_lines = []
    for number, line in enumerate(content.splitlines(), start=1):
        document = _parse_object(line)
        if document is not None:
            found.update(_members(document))
        elif line.strip():
            bad_lines.append(number)
    if not bad_lines:
        return found, ""
    return found, f"Line {bad_lines[0]} of the metrics file is no JSON object."


def _judge(name: str, raw: _Raw) -> float | Fault:
    if isinstance(raw, float):
        value, text = raw, str(raw)
    elif isinstance(raw, bytes):
        plain = raw.decode(errors="backslashreplace").strip()
        is_number = _NUMBER.fullmatch(plain) or _NOT_FINITE.fullmatch(plain)
        if not is_number:
            return Fault(FaultKind.UNREADABLE, name, repr(_clip(plain)))
        value, text = float(plain), _clip(plain)
    else:
        return Fault(FaultKind.UNREADABLE, name, _clip(json.dumps(raw)))
    if math.isnan(value):
        return Fault(FaultKind.NOT_A_NUMBER, name, text)
    if math.isinf(value):
        return Fault(FaultKind.INFINITE, name, text)
    return value


def _clip(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
