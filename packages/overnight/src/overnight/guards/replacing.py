"""What of guarded modules a Python file replaces, read from its syntax tree."""

import ast
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

_SYS_MODULES = "sys.modules"
_OWN_DICT = ".__dict__"
_SETTERS = frozenset({"setattr", "delattr", "__setattr__", "__delattr__"})
_DICT_SETTERS = frozenset({"__setitem__", "clear", "pop", "popitem", "setdefault", "update"})
_IMPORT_CALLS = (("__import__",), ("import_module",))
_PATCHERS = frozenset({"object", "multiple", "dict"})

# ``a.b.c`` as its parts; a module that is looked up by its name stands in angle brackets.
_Path: TypeAlias = tuple[str, ...]
_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True)
class Replacement:
    """An assignment to something of a guarded module, or what comes to the same.

    Attributes:
        what: Such as ``prepare.evaluate``.
    """

    what: str
    line: int


def replacements(tree: ast.AST, guarded: Collection[str]) -> list[Replacement]:
    """Every replacement in a file.

    Args:
        guarded: The full names of modules.
    """
    meanings = _meanings(list(ast.walk(tree)), guarded)
    return [
        Replacement(what, getattr(node, "lineno", 0))
        for node, hidden in _with_scopes(tree)
        for what in _Reader(guarded, meanings, hidden).replaced_by(node)
    ]


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads nodes of one scope.

    Attributes:
        meanings: Each path that means a guarded module or something of one, with what it means.
        hidden: Names that mean something of a function's own there.
    """

    guarded: Collection[str]
    meanings: Mapping[_Path, str]
    hidden: Collection[str] = ()

    def replaced_by(self, node: ast.AST) -> Iterator[str]:
        """What a single node replaces."""
        match node:
            case ast.Call():
                yield from self._by_call(node)
            case ast.Attribute(ctx=ast.Store() | ast.Del()):
                owner = self.meaning(_path(node.value))
                if owner is not None:
                    yield f"{owner}.{node.attr}"
            case ast.Subscript(ctx=ast.Store() | ast.Del()):
                owner = self.meaning(_path(node.value))
                if owner is not None:
                    yield from self._by_item(owner, [node.slice])

    def meaning(self, path: _Path) -> str | None:
        """What a path means, if that is guarded."""
        if not path or path[0] in self.hidden:
            return None
        for end in range(len(path), 0, -1):
            if path[:end] in self.meanings:
                return ".".join((self.meanings[path[:end]], *path[end:]))
        return None

    def _by_call(self, call: ast.Call) -> Iterator[str]:
        *before, method = _path(call.func) or ("",)
        owner = self.meaning(tuple(before))
        subject = self.meaning(_path(call.args[0])) if call.args else None
        first, second = _text(call.args[:1]), _text(call.args[1:2])
        is_patch = method in _PATCHERS and before[-1:] == ["patch"]
        if method in _DICT_SETTERS and owner is not None:
            if owner.endswith((_OWN_DICT, _SYS_MODULES)):
                yield from self._by_item(owner, call.args)
        elif method in _SETTERS and owner is not None:
            yield f"{owner}.{first}"
        elif (method in _SETTERS or is_patch) and subject is not None:
            yield f"{subject.removesuffix(_OWN_DICT)}.{second}".rstrip(".")
        elif method in ("patch", "setattr") and first.rpartition(".")[0] in self.guarded:
            yield first

    def _by_item(self, owner: str, keys: Sequence[ast.expr]) -> Iterator[str]:
        """What is replaced in a module's own dictionary, or in the one of all modules."""
        if owner != _SYS_MODULES:
            yield owner.removesuffix(_OWN_DICT)
            return
        named = [text for key in keys for node in ast.walk(key) if (text := _text([node]))]
        if not named or any(name in self.guarded for name in named):
            yield owner


def _meanings(nodes: Sequence[ast.AST], guarded: Collection[str]) -> dict[_Path, str]:
    """What paths in a file mean, as far as that is guarded.

    A value is taken for the file's own where its name is assigned to again.
    """
    stored = Counter(node.id for node in nodes if isinstance(node, ast.Name) and _is_stored(node))
    meanings: dict[_Path, str] = {(f"<{name}>",): name for name in guarded}
    meanings |= {("__builtins__",): "builtins", ("sys", "modules"): _SYS_MODULES}
    for node in nodes:
        if isinstance(node, ast.Import):
            meanings |= _imported_modules(node, guarded)
        elif isinstance(node, ast.ImportFrom):
            meanings |= _imported_names(node, guarded, stored)
    imported = _Reader(guarded, dict(meanings))
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if stored[name] == 1:
                meaning = imported.meaning(_path(value))
                if meaning is not None:
                    meanings[name,] = meaning
    return meanings


def _imported_modules(node: ast.Import, guarded: Collection[str]) -> dict[_Path, str]:
    found: dict[_Path, str] = {}
    for alias in node.names:
        path = (alias.asname,) if alias.asname else tuple(alias.name.split("."))
        if alias.name in guarded:
            found[path] = alias.name
        if alias.name == "sys":
            found[*path, "modules"] = _SYS_MODULES
    return found


def _imported_names(
    node: ast.ImportFrom, guarded: Collection[str], stored: Mapping[str, int]
) -> dict[_Path, str]:
    found: dict[_Path, str] = {}
    for alias in node.names:
        name, whole = alias.asname or alias.name, f"{node.module or ''}.{alias.name}".lstrip(".")
        module = _guarded_name(whole, guarded, is_relative=node.level > 0)
        parent = _guarded_name(node.module or "", guarded, is_relative=node.level > 0)
        if module is not None:
            found[name,] = module
        elif (parent is not None or whole == _SYS_MODULES) and not stored.get(name):
            found[name,] = whole
    return found


def _guarded_name(name: str, guarded: Collection[str], *, is_relative: bool) -> str | None:
    """The guarded module that a name in an import means."""
    if name in guarded or not is_relative:
        return name if name in guarded else None
    return next((module for module in guarded if module.endswith(f".{name}")), None)


def _with_scopes(tree: ast.AST) -> Iterator[tuple[ast.AST, frozenset[str]]]:
    """Every node, with the names that the functions around it use for things of their own."""
    pending = [(tree, frozenset[str]())]
    while pending:
        node, hidden = pending.pop()
        if isinstance(node, _Function):
            hidden |= _own_names(node)
        yield node, hidden
        pending += [(child, hidden) for child in ast.iter_child_nodes(node)]


def _own_names(function: _Function) -> frozenset[str]:
    names, shared = set[str](), set[str]()
    pending = list(ast.iter_child_nodes(function))
    while pending:
        node = pending.pop()
        match node:
            case ast.arg(arg=name):
                names.add(name)
            case ast.Name(id=name) if _is_stored(node):
                names.add(name)
            case ast.Global(names=others) | ast.Nonlocal(names=others):
                shared.update(others)
        if not isinstance(node, _Function):
            pending += ast.iter_child_nodes(node)
    return frozenset(names - shared)


def _is_stored(node: ast.Name) -> bool:
    return not isinstance(node.ctx, ast.Load)


def _path(node: ast.expr) -> _Path:
    """What an expression names, part by part; empty for what has no name."""
    match node:
        case ast.Name(id=name):
            return (name,)
        case ast.Attribute(value=value, attr=name):
            base = _path(value)
            return (*base, name) if base else ()
        case ast.Subscript(value=value, slice=key):
            base = _path(value)
            is_module = base[-1:] == ("modules",) and _text([key])
            return (f"<{_text([key])}>",) if is_module else base
        case ast.Call(func=ast.Name(id="vars"), args=[subject]):
            base = _path(subject)
            return (*base, "__dict__") if base else ()
        case ast.Call(func=function, args=[named, *_]) if _path(function)[-1:] in _IMPORT_CALLS:
            return (f"<{_text([named])}>",)
    return ()


def _text(nodes: Sequence[ast.AST]) -> str:
    """A literal string, or an empty one."""
    match nodes:
        case [ast.Constant(value=str(text))]:
            return text
    return ""
