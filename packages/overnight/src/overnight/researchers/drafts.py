"""Drafts from what a foreign program says: cleaned, clipped, and never trusted."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

from overnight.brief import one_line
from overnight.types import Draft, JsonValue, Usage

MOST_TITLE_CHARACTERS = 120
MOST_RATIONALE_CHARACTERS = 8000
MOST_READ_BYTES = 256 * 1024
_MOST_TOKENS = 2**53
_UNTITLED = "An untitled change"


def clean_draft(
    title: str,
    rationale: str = "",
    *,
    details: Mapping[str, JsonValue] | None = None,
    usage: Usage | None = None,
    target: str = "",
    commands: tuple[str, ...] = (),
) -> Draft:
    """A draft with a title of one printable line and a rationale of bounded length."""
    line = one_line(title[:MOST_RATIONALE_CHARACTERS], most_characters=MOST_TITLE_CHARACTERS)
    return Draft(
        title=line or _UNTITLED,
        rationale=_clean_text(rationale),
        details=details or {},
        usage=usage or Usage(),
        target=one_line(target[:MOST_RATIONALE_CHARACTERS], most_characters=MOST_TITLE_CHARACTERS),
        commands=commands,
    )


def _clean_text(text: str) -> str:
    clipped = text[:MOST_RATIONALE_CHARACTERS]
    kept = "".join(c if c.isprintable() or c in "\n\t" else " " for c in clipped).strip()
    return kept if len(clipped) == len(text) else f"{kept}…"


def parse_object(text: str | bytes) -> dict[str, JsonValue] | None:
    """A JSON object, or None for anything else, numbers beyond JSON's included."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refuse(constant: str) -> JsonValue:
    raise ValueError(f"{constant} is not JSON")


def as_text(value: JsonValue) -> str:
    """A value that should be text; anything else counts as empty."""
    return value if isinstance(value, str) else ""


def as_count(value: JsonValue) -> int | None:
    """A value that should be a number of tokens; anything else counts as unknown."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _MOST_TOKENS else None


def as_cost(value: JsonValue) -> float | None:
    """A value that should be an amount of money; anything else counts as unknown."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= _MOST_TOKENS and math.isfinite(value) else None


def last_line(path: Path) -> str:
    """The last line of a program's output that says anything, or an empty string."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - MOST_READ_BYTES))
        lines = file.read().decode("utf-8", "replace").splitlines()
    return next((line for line in reversed(lines) if one_line(line)), "")
