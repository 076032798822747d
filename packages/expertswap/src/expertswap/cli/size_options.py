"""Options that are sizes as people write them: ``12GiB``, ``500MB``, ``25GB/s``."""

import re

import typer

from expertswap.sizes import UNITS

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*?)\s*")
_UNITS = {unit.lower(): size for unit, size in UNITS.items()}  # in whatever case it is written


def parse_bytes(text: str) -> int:
    """The bytes that ``12GiB`` (1024s), ``12GB`` (1000s) or ``12`` are.

    Raises:
        typer.BadParameter: It is none of these.
    """
    found = _SIZE.fullmatch(text)
    unit = _UNITS.get(found[2].lower()) if found else None
    if found is None or unit is None:
        raise typer.BadParameter(f"{text!r} is no size; write one like 12GiB, 12GB or 500MB.")
    return round(float(found[1]) * unit)


def parse_rate(text: str) -> int:
    """The bytes per second that ``25GB/s`` is; ``/s`` may be left out.

    Raises:
        typer.BadParameter: It is none.
    """
    return parse_bytes(text.strip().removesuffix("/s"))
