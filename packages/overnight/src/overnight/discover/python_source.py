"""What Python source reveals without being run: printed names, time budgets, imports."""

import ast
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

_NAME = r"[A-Za-z_][\w./-]*"
_LABEL = re.compile(rf"\n*({_NAME})\s*[:=]\s*")
_FORMATTED = re.compile(rf"\n*({_NAME})\s*[:=]\s*(?:%[-+ #0-9.]*[a-zA-Z]|\{{[^}}]*\}})")
_REPORTERS = re.compile(r"summary|metric|report|result|dumps?$", re.IGNORECASE)
_UNITS_S = {"MS": 0.001, "MIN": 60.0, "MINS": 60.0, "MINUTES": 60.0, "HOURS": 3600.0}


@dataclass(frozen=True, slots=True)
class Printed:
    """A name that the script prints in front of a value."""

    name: str
    line: int
    in_loop: bool


@dataclass(frozen=True, slots=True)
class Duration:
    """A constant whose name says that it is a length of time."""

    name: str
    seconds: float
    line: int


def parse(text: str) -> ast.Module | None:
    """The syntax tree, or None for what this Python cannot read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def printed_names(tree: ast.Module) -> list[Printed]:
    """Names in ``print(f"name: {value}")``, in dictionaries that are printed, in source order."""
    dictionaries = _named_dictionaries(tree)
    found: dict[str, Printed] = {}
    for call, in_loop in _calls(tree):
        for name in _reported_by(call, dictionaries):
            printed = Printed(name, call.lineno, in_loop)
            if name not in found or (found[name].in_loop and not in_loop):
                found[name] = printed
    return sorted(found.values(), key=lambda printed: printed.line)


def _calls(tree: ast.Module) -> Iterator[tuple[ast.Call, bool]]:
    pending: list[tuple[ast.AST, bool]] = [(tree, False)]
    while pending:
        node, in_loop = pending.pop()
        if isinstance(node, ast.Call):
            yield node, in_loop
        inside = in_loop or isinstance(node, ast.For | ast.While)
        pending.extend((child, inside) for child in reversed(list(ast.iter_child_nodes(node))))


def _reported_by(call: ast.Call, dictionaries: Mapping[str, list[str]]) -> list[str]:
    function = _last_name(call.func)
    if function == "print" and call.args:
        label = _label(call.args)
        if label is not None:
            return [label]
    if function != "print" and not _REPORTERS.search(function):
        return []
    return [name for argument in call.args[:1] for name in _keys(argument, dictionaries)]


def _label(arguments: list[ast.expr]) -> str | None:
    match arguments[0], len(arguments) > 1:
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), _, *rest]), _:
            found = _LABEL.fullmatch(text) if _ends_number(rest) else None
        case ast.Constant(value=str(text)), True:
            found = _LABEL.fullmatch(text)
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod()), _:
            found = _FORMATTED.match(text)
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Add()), _:
            found = _LABEL.fullmatch(text)
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")), _:
            found = _FORMATTED.match(text)
        case _:
            found = None
    return found[1] if found else None


def _ends_number(rest: list[ast.expr]) -> bool:
    match rest:
        case [ast.Constant(value=str(text)), *_]:
            return re.match(r"[\s%,;|)]", text) is not None
        case _:
            return not rest


def _named_dictionaries(tree: ast.Module) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                named.setdefault(name, []).extend(_keys(value, {}))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                named.setdefault(name, []).extend(_keys(value, {}))
            case ast.Assign(
                targets=[ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(key)))]
            ) if name in named:
                named[name].append(key)
            case _:
                pass
    return named


def _keys(node: ast.expr, dictionaries: Mapping[str, list[str]]) -> list[str]:
    match node:
        case ast.Dict():
            pairs = [
                (key.value, value)
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant) and isinstance(key.value, str)
            ]
        case ast.Call(func=ast.Name(id="dict")):
            pairs = [(keyword.arg, keyword.value) for keyword in node.keywords if keyword.arg]
        case ast.Name():
            return dictionaries.get(node.id, [])
        case _:
            return []
    return [key for key, value in pairs if re.fullmatch(_NAME, key) and not _is_text(value)]


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and not isinstance(node.value, int | float)
    )


def durations(tree: ast.Module) -> list[Duration]:
    """Constants at the top of the module, and argparse defaults, that may be lengths of time."""
    found = []
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found.append((name, _number(value), node.lineno))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found.append((name, _number(value), node.lineno))
    for call, _ in _calls(tree):
        if _last_name(call.func) == "add_argument" and call.args:
            default = next((k.value for k in call.keywords if k.arg == "default"), None)
            match call.args[-1], default:
                case ast.Constant(value=str(flag)), ast.expr():
                    name = flag.lstrip("-").replace("-", "_")
                    found.append((name, _number(default), call.lineno))
    return [
        Duration(name, number * _UNITS_S.get(name.upper().rpartition("_")[2], 1.0), line)
        for name, number, line in found
        if number is not None
    ]


def _number(node: ast.expr) -> float | None:
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int(number) | float(number)):
            return float(number) if abs(number) < 1e9 else None
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            factors = _number(left), _number(right)
            return None if factors[0] is None or factors[1] is None else factors[0] * factors[1]
        case _:
            return None


def local_imports(path: str, tree: ast.Module, files: Mapping[str, str]) -> dict[str, int]:
    """Files of the repository that a module imports, each with the line that does it."""
    here = PurePosixPath(path).parent
    roots = [here, PurePosixPath(), PurePosixPath("src")]
    found: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            bases = roots
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names = [f"{module}.{alias.name}".strip(".") for alias in node.names]
            bases = [_ancestor(here, node.level - 1)] if node.level else roots
        else:
            continue
        for name in names:
            target = _resolve(name, bases, files)
            if target is not None and target != path:
                found.setdefault(target, node.lineno)
    return found


def _resolve(name: str, bases: list[PurePosixPath], files: Mapping[str, str]) -> str | None:
    parts = name.split(".")
    for length in range(len(parts), max(0, len(parts) - 2), -1):
        for base in bases:
            stem = base.joinpath(*parts[:length])
            for candidate in (f"{stem}.py", f"{stem}/__init__.py"):
                if candidate in files:
                    return candidate
    return None


def _ancestor(path: PurePosixPath, levels: int) -> PurePosixPath:
    for _ in range(levels):
        path = path.parent
    return path


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return node.attr
        case _:
            return ""
