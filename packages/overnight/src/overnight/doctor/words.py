"""How findings name things: lists, sizes, lines of programs."""

from collections.abc import Iterable

from overnight.brief import one_line
from overnight.guards.scope import printable

_SHOWN = 5
_MOST_CHARACTERS = 1000
_GIB, _MIB = 2**30, 2**20


def listed(names: Iterable[str]) -> str:
    """Some names, safe to show; beyond the first few only how many more there are."""
    every = [printable(name) for name in names]
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more


def size(count_bytes: float) -> str:
    """A size in the unit that suits it."""
    if count_bytes >= _GIB:
        return f"{count_bytes / _GIB:.1f} GiB"
    return f"{count_bytes / _MIB:.0f} MiB" if count_bytes >= _MIB else f"{count_bytes:.0f} bytes"


def sentence(text: str) -> str:
    """A program's words as one line that ends like a sentence."""
    line = one_line(text, most_characters=_MOST_CHARACTERS)
    return line if line.endswith((".", "!", "?", "…")) else f"{line}."
