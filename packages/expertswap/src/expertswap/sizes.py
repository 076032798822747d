"""Sizes as people read them: ``11.2 GiB``."""

UNITS: dict[str, int] = {
    "": 1,
    "B": 1,
    **{f"{prefix}B": 1000**power for power, prefix in enumerate("KMGT", start=1)},
    **{f"{prefix}iB": 1024**power for power, prefix in enumerate("KMGT", start=1)},
}


def tell_bytes(count: int | float) -> str:
    """Bytes for people, in units of 1024: ``11.2 GiB``, ``640 B``."""
    unit, size = largest_unit(count)
    return f"{count:.0f} B" if unit == "B" else f"{count / size:.4g} {unit}"


def largest_unit(count: int | float) -> tuple[str, int]:
    """The largest unit of 1024 that a size is not less than, and its bytes."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if abs(count) >= UNITS[unit]:
            return unit, UNITS[unit]
    return "B", 1
