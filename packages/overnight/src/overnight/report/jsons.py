"""JSON for scripts."""

import json
import math
from collections.abc import Mapping
from datetime import datetime


def to_json(value: object, *, indent: int | None = None) -> str:
    """JSON in pure ASCII, which no terminal obeys; times in ISO 8601, numbers finite or null."""
    return json.dumps(_plain(value), indent=indent, allow_nan=False)


def _plain(value: object) -> object:
    match value:
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case float() if not math.isfinite(value):
            return None
        case datetime():
            return value.isoformat()
        case str() | bool() | int() | float() | None:
            return value
        case _:
            return str(value)
