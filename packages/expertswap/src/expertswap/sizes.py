"""Sizes as people write them: ``12GiB``, ``500MB``, ``25GB/s``."""

import re

import typer

_UNITS = {
    "": 1,
    "B": 1,
    **{f"{prefix}B": 1000**power for power, prefix in enumerate("KMGT", start=1)},
    **{f"{prefix}iB": 1024**power for power, prefix in enumerate("KMGT", start=1)},
}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*?)\s*")


def parse_bytes(text: str) -> int:
    """The bytes that ``12GiB`` (1024s), ``12GB`` (1000s) or ``12`` are.

    Raises:
        typer.BadParameter: It is none of these.
    """
    found = _SIZE.fullmatch(text)
    unit = _unit(found[2]) if found else None
    if found is None or unit is None:
        raise typer.BadParameter(f"{text!r} is no size; write one like 12GiB, 12GB or 500MB.")
    return round(float(found[1]) * unit)


def parse_rate(text: str) -> int:
    """The bytes per second that ``25GB/s`` is; ``/s`` may be left out.

    Raises:
        typer.BadParameter: It is none.
    """
    return parse_bytes(text.strip().removesuffix("/s"))


def tell_bytes(count: int | float) -> str:
    """Bytes for people, in units of 1024: ``11.2 GiB``, ``640 B``."""
    unit, size = largest_unit(count)
    return f"{count:.0f} B" if unit == "B" else f"{count / size:.4g} {unit}"


def largest_unit(count: int | float) -> tuple[str, int]:
    """The largest unit of 1024 that a size is not less than, and its bytes."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if abs(count) >= _UNITS[unit]:
            return unit, _UNITS[unit]
    return "B", 1


def _unit(name: str) -> int | None:
    """The bytes of a unit, in whatever case it is written."""
    return {unit.lower(): size for unit, size in _UNITS.items()}.get(name.lower())
