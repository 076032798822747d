"""Source code that reaches into protected modules, or into the clock, to change what they do.

A heuristic on the syntax tree: it names the plain ways of doing it, for studies whose candidate
runs the evaluation itself. What hides better is for the scorer, the hold-out and the checkpoints.
"""

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from overnight.types import Judgement, Verdict

_GUARDED_MODULES = frozenset({"time", "builtins"})
_MOST_SOURCE_CHARACTERS = 400_000
_SETTERS = frozenset({"setattr", "delattr"})


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
    for edit in edits:
        known = {reach.what for reach in _reaches(edit.old, protected)}
        for reach in _reaches(edit.new, protected):
            if reach.what not in known:
                reason = (
                    f"{edit.path}:{reach.line} replaces {reach.what}, which is not its to change."
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


@dataclass(frozen=True, slots=True)
class _Reach:
    what: str
    line: int


def _reaches(source: str, protected: Collection[str]) -> list[_Reach]:
    nodes = _nodes(source)
    guarded = dict(_guarded_names(nodes, protected))
    return [
        _Reach(what, getattr(node, "lineno", 0))
        for node in nodes
        for what in _replaced(node, guarded)
    ]


def _nodes(source: str) -> Sequence[ast.AST]:
    """Every node of a file's syntax tree; none where it is too large or is no Python."""
    if not source or len(source) > _MOST_SOURCE_CHARACTERS:
        return ()
    try:
        return tuple(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()


def _guarded_names(
    nodes: Iterable[ast.AST], protected: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Each local name that means a guarded module or something of one, with what it means."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in protected or alias.name in _GUARDED_MODULES:
                    yield alias.asname or alias.name.split(".")[0], alias.name
                if alias.name == "sys":
                    yield f"{alias.asname or 'sys'}.modules", "sys.modules"
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}" if node.module else alias.name
                if whole in protected or alias.name in protected or node.module in protected:
                    yield alias.asname or alias.name, whole


def _replaced(node: ast.AST, guarded: Mapping[str, str]) -> Iterator[str]:
    """What a statement or call replaces of a guarded module."""
    if isinstance(node, ast.Call):
        yield from _replaced_by_call(node, guarded)
    for target in _targets(node):
        for part in ast.walk(target):
            if isinstance(part, ast.Attribute | ast.Subscript):
                yield from _meaning(part, guarded)


def _targets(node: ast.AST) -> Sequence[ast.expr]:
    match node:
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            return targets
        case ast.AugAssign() | ast.AnnAssign():
            return [node.target]
    return []


def _meaning(target: ast.Attribute | ast.Subscript, guarded: Mapping[str, str]) -> Iterator[str]:
    """What an assignment to ``a.b``, ``a.b[...]`` or ``vars(a)[...]`` changes, if it is guarded."""
    path = _dotted(target.value)
    for name, meaning in guarded.items():
        if path == name or path.startswith(f"{name}."):
            own = f".{target.attr}" if isinstance(target, ast.Attribute) else ""
            yield f"{meaning}{path.removeprefix(name)}{own}".removesuffix(".__dict__")
            return


def _replaced_by_call(call: ast.Call, guarded: Mapping[str, str]) -> Iterator[str]:
    """``setattr(a, "b", ...)``, ``a.__dict__.update(...)`` and the patches of ``unittest.mock``."""
    function = _dotted(call.func)
    subject = _dotted(call.args[0]) if call.args else ""
    first, second = (_text(call.args, place) for place in (0, 1))
    owner, _, method = function.rpartition(".")
    if subject in guarded and (function in _SETTERS or function.endswith("patch.object")):
        yield f"{guarded[subject]}.{second}" if second else guarded[subject]
    elif method == "update" and owner.removesuffix(".__dict__") in guarded and owner not in guarded:
        yield guarded[owner.removesuffix(".__dict__")]
    elif method == "patch" and first.rpartition(".")[0] in guarded.values():
        yield first


def _text(arguments: Sequence[ast.expr], place: int) -> str:
    """A literal string among a call's arguments, or an empty one."""
    argument = arguments[place] if len(arguments) > place else None
    value = argument.value if isinstance(argument, ast.Constant) else ""
    return value if isinstance(value, str) else ""


def _dotted(node: ast.expr) -> str:
    """``a.b`` as text; ``vars(a)`` counts as ``a``; anything else is an empty string."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            base = _dotted(value)
            return f"{base}.{name}" if base else ""
        case ast.Call(func=ast.Name(id="vars"), args=[subject]):
            return _dotted(subject)
        case ast.Subscript(value=value):
            return _dotted(value)
    return ""
