"""What a repository's sources read from the user's home, which no sandbox shows by itself."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from overnight.discover.findings import Certainty, Finding, Source
from overnight.discover.python_source import parse

# Package managers' caches are there anyway, each command with a throwaway copy.
_SHOWN = ("~/.cache/huggingface", "~/.cache/torch", "~/.cache/uv", "~/.cache/pip")
_TOO_MUCH = ("~/.cache", "~/.config", "~/.local")  # where other programs keep their secrets
_PATH = re.compile(r"~(?:/[\w.+-]+)+")
_JOINS = frozenset({"join", "joinpath"})


def find_home_paths(files: Mapping[str, str]) -> tuple[Finding[str], ...]:
    """Directories below the home that Python sources name, each once, the outermost of each."""
    found: dict[str, Finding[str]] = {}
    for path, text in sorted(files.items()):
        tree = parse(text) if path.endswith(".py") else None
        for place, line in _named(tree) if tree is not None else ():
            if place not in _TOO_MUCH and not place.startswith(_SHOWN):
                why = "the code names it, and a sandbox hides your home"
                finding = Finding(place, why, Certainty.LIKELY, Source(path, line))
                found.setdefault(place, finding)
    return tuple(f for place, f in found.items() if not _has_parent(place, found))


def _has_parent(place: str, others: Mapping[str, object]) -> bool:
    return any(place.startswith(f"{other}/") for other in others)


def _named(node: ast.AST) -> Iterator[tuple[str, int]]:
    """Paths that begin at the home: joined, divided, or expanded from one literal."""
    if isinstance(node, ast.Call | ast.BinOp):
        place = "/".join(_parts(node))
        if _PATH.fullmatch(place):
            yield place, node.lineno
            return  # what is inside is the beginning of the same path
    for child in ast.iter_child_nodes(node):
        yield from _named(child)


def _parts(node: ast.expr) -> Sequence[str]:
    """The parts of a path expression; an empty string where one is not known."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return [*_parts(left), *_parts(right)]
        case ast.Call(func=ast.Name(id="Path"), args=[argument]):
            return _parts(argument)
        case ast.Call(func=ast.Attribute() as function, args=arguments):
            return _parts_of_call(function, arguments)
    return [""]


def _parts_of_call(function: ast.Attribute, arguments: Sequence[ast.expr]) -> Sequence[str]:
    if function.attr in _JOINS:
        return [part for argument in arguments for part in _parts(argument)]
    if function.attr == "home":
        return ["~"]
    if function.attr == "expanduser":
        return _parts(arguments[0] if arguments else function.value)
    return [""]
