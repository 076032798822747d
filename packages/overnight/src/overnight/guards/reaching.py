"""Source code that reaches into protected modules, or into the clock, to change what they do.

A heuristic on the syntax tree: it names the plain ways of doing it, for studies whose candidate
runs the evaluation itself. What hides better is for the scorer, the hold-out and the checkpoints.
"""

import ast
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from overnight.guards.replacing import Replacement, replacements
from overnight.types import Judgement, Verdict

_GUARDED_MODULES = frozenset({"builtins", "datetime", "time"})
_MOST_SOURCE_CHARACTERS = 400_000


@dataclass(frozen=True, slots=True)
class Edit:
    """A changed Python file.

    Attributes:
        old: Its source in the parent, or an empty string.
    """

    path: str
    old: str
    new: str


def refuse_reaching(edits: Collection[Edit], *, protected: Collection[str]) -> Judgement | None:
    """Refuse edits that newly replace something of a protected module, a builtin or the clock.

    Args:
        protected: Names of protected modules, such as ``prepare`` or ``data.loader``.
    """
    guarded = frozenset(protected) | _GUARDED_MODULES
    for edit in edits:
        known = {found.what for found in _replacements(edit.old, guarded)}
        for found in sorted(_replacements(edit.new, guarded), key=attrgetter("line")):
            if found.what not in known:
                reason = (
                    f"{edit.path}:{found.line} replaces {found.what}, which is not its to change."
                )
                return Judgement(Verdict.TAMPERED, reason)
    return None


def module_names(paths: Collection[str]) -> frozenset[str]:
    """How Python files are imported: by their dotted path from the top, and by their last name."""
    names = set()
    for path in paths:
        if path.endswith(".py"):
            dotted = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            names |= {dotted, dotted.rpartition(".")[2]}
    return frozenset(names)


def imported_names(sources: Iterable[str]) -> frozenset[str]:
    """Top-level names of the modules that some Python files import."""
    names: set[str] = set()
    for node in (node for source in sources for node in _nodes(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.partition(".")[0])
    return frozenset(names)


def _nodes(source: str) -> Sequence[ast.AST]:
    tree = _parsed(source)
    return () if tree is None else tuple(ast.walk(tree))


def _replacements(source: str, guarded: Collection[str]) -> list[Replacement]:
    tree = _parsed(source)
    try:
        return [] if tree is None else replacements(tree, guarded)
    except RecursionError:
        return []  # an expression that goes deeper than anything written by hand


def _parsed(source: str) -> ast.AST | None:
    """A file's syntax tree; None where it is too large or is no Python."""
    if not source or len(source) > _MOST_SOURCE_CHARACTERS:
        return None
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
