"""What is wrong with a study file, as sentences that name the key, the line and the fix."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from types import UnionType
from typing import Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from overnight.config.tables import StudyTables


def explain_syntax(file: str, text: str, error: tomllib.TOMLDecodeError) -> str:
    """Why a text is no TOML, and where."""
    told = re.fullmatch(r"(?P<what>.+) \(at line (?P<line>\d+), column \d+\)", str(error))
    what, line = (told["what"], int(told["line"])) if told else (str(error), text.count("\n") + 1)
    what = what.removesuffix(" (at end of document)")
    return f"{file}:{line}: this is not TOML: {what}. Mend that line; see https://toml.io."


def explain(file: str, text: str, error: ValidationError) -> str:
    """Every key that is missing, unknown or cannot hold its value; a line each."""
    lines = [_explain_one(file, text, detail) for detail in error.errors()]
    return "\n".join(lines)


def _explain_one(file: str, text: str, detail: ErrorDetails) -> str:
    keys = tuple(str(part) for part in detail["loc"] if isinstance(part, str))
    line = line_of_key(text, keys)
    where = f"{file}:{line}" if line else file
    key = ".".join(keys)
    match detail["type"]:
        case "extra_forbidden":
            return f"{where}: unknown key {key!r}. {_suggest_key(keys)}"
        case "missing":
            return f"{where}: {key!r} is missing. Add it; see `overnight init --help`."
        case "model_type" | "dict_type":
            problem = f"write it as a table, [{key}]"
        case "tuple_type" | "too_short":
            problem = "write a list, such as ['one', 'two']"
        case _:
            problem = detail["msg"].removeprefix("Value error, ")
    return f"{where}: {key} = {detail['input']!r}: {problem[:1].lower()}{problem[1:]}."


def _suggest_key(keys: tuple[str, ...]) -> str:
    known = _known_keys(keys[:-1])
    close = get_close_matches(keys[-1], known, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"Known here: {', '.join(known)}."


def _known_keys(tables: tuple[str, ...]) -> list[str]:
    model: type[BaseModel] = StudyTables
    for name in tables:
        model = _table_of(model.model_fields[name].annotation)
    return [field.alias or name for name, field in model.model_fields.items()]


def line_of_key(text: str, keys: Sequence[str]) -> int | None:
    """The 1-based line of valid TOML where a key stands; its table's where the key is absent.

    The beginning of a TOML file up to the end of any statement is TOML too: the statement that
    ends where `keys` first appear is the one that holds them.
    """
    lines = text.split("\n")
    first = 1
    for last in range(1, len(lines) + 1):
        try:
            document = tomllib.loads("\n".join(lines[:last]) + "\n")
        except tomllib.TOMLDecodeError:
            continue
        if _holds(document, keys):
            return first
        first = last + 1
    return line_of_key(text, keys[:-1]) if len(keys) > 1 else None


def _holds(value: object, keys: Sequence[str]) -> bool:
    if not keys:
        return True
    if isinstance(value, list):
        return any(_holds(element, keys) for element in value)
    return isinstance(value, Mapping) and keys[0] in value and _holds(value[keys[0]], keys[1:])


def _table_of(annotation: object) -> type[BaseModel]:
    """The table that an annotation names, be it optional or not."""
    options = (
        get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    )
    return next(o for o in options if isinstance(o, type) and issubclass(o, BaseModel))
