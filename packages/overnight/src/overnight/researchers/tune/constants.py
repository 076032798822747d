"""Find the constants that a Python file assigns at module level, and rewrite them in place."""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import libcst as cst

from overnight.researchers.tune.literals import Value, evaluate, styled


class UnreadableSource(ValueError):
    """A file whose constants cannot be read or safely rewritten; the message says why."""


@dataclass(frozen=True, slots=True)
class Constant:
    """One constant.

    Attributes:
        name: The name assigned to; an element of a tuple is ``BETAS[0]``.
        comment: What stands behind it on its line, without the ``#``.
    """

    name: str
    value: Value
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Survey:
    """What a file assigns at module level.

    Attributes:
        constants: In the file's order.
        skipped: Names that hold a literal and yet are none, each with the reason.
    """

    constants: tuple[Constant, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Site:
    """Where a name is given its literal: which statement of the module, which part of its line."""

    name: str
    statement: int
    part: int
    expression: cst.BaseExpression
    comment: str


def survey(source: bytes) -> Survey:
    """The constants of a Python file.

    Raises:
        UnreadableSource: No valid Python, an unknown encoding, or a layout that could not be
            written back byte for byte.
    """
    return _read(source)[1]


def rewrite(source: bytes, values: Mapping[str, Value]) -> bytes:
    """The file with some constants changed and every other byte as it was.

    Args:
        values: New values by the names that `survey` gives.

    Raises:
        UnreadableSource: As for `survey`.
        KeyError: A name is not one of the file's constants.
    """
    module, found = _read(source)
    unknown = values.keys() - {constant.name for constant in found.constants}
    if unknown:
        raise KeyError(f"no such constant: {', '.join(sorted(unknown))}")
    body: list[Any] = list(module.body)
    for site in _sites(module):
        fresh = _updated(site, values)
        if fresh is not site.expression:
            line = body[site.statement]
            small = list(line.body)
            small[site.part] = small[site.part].with_changes(value=fresh)
            body[site.statement] = line.with_changes(body=small)
    return module.with_changes(body=body).bytes


@lru_cache(maxsize=64)
def _read(source: bytes) -> tuple[cst.Module, Survey]:
    """Parse a file; the latest are remembered, since most files never change in a study."""
    try:
        bindings = Counter(_bound(ast.parse(source)))
        module = cst.parse_module(source)
        intact = module.bytes == source
    except (SyntaxError, ValueError, LookupError, cst.ParserSyntaxError) as error:
        reason = str(error).partition("\n")[0]
        raise UnreadableSource(f"it cannot be read as Python: {reason}") from error
    if not intact:
        raise UnreadableSource("its line endings could not be written back unchanged")
    found: list[Constant] = []
    skipped: dict[str, str] = {}
    for site in _sites(module):
        constants = _constants(site)
        if constants and bindings[site.name] > 1:
            skipped[site.name] = "assigned more than once"
        else:
            found += constants
    return module, Survey(tuple(found), skipped)


def _sites(module: cst.Module) -> Iterator[_Site]:
    """Every ``NAME = expression`` and ``NAME: type = expression`` directly in the module."""
    for index, line in enumerate(module.body):
        if not isinstance(line, cst.SimpleStatementLine):
            continue
        note = line.trailing_whitespace.comment
        comment = note.value.lstrip("#").strip() if note else ""
        for part, small in enumerate(line.body):
            match small:
                case cst.Assign(
                    targets=[cst.AssignTarget(target=cst.Name(value=name))], value=value
                ):
                    yield _Site(name, index, part, value, comment)
                case cst.AnnAssign(
                    target=cst.Name(value=name), value=cst.BaseExpression() as value
                ):
                    yield _Site(name, index, part, value, comment)


def _constants(site: _Site) -> list[Constant]:
    if not isinstance(site.expression, cst.Tuple | cst.List):
        value = evaluate(site.expression)
        return [] if value is None else [Constant(site.name, value, site.comment)]
    values = [evaluate(element.value) for element in site.expression.elements]
    # Tuples of whole numbers are shapes and indices; only fractions are settings.
    if not all(isinstance(value, float) for value in values):
        return []
    return [
        Constant(_element(site.name, index), value, site.comment)
        for index, value in enumerate(values)
        if value is not None
    ]


def _element(name: str, index: int) -> str:
    return f"{name}[{index}]"


def _updated(site: _Site, values: Mapping[str, Value]) -> cst.BaseExpression:
    """The expression with its new value; the very same object where nothing changes."""
    if site.name in values:
        return styled(site.expression, values[site.name])
    if not isinstance(site.expression, cst.Tuple | cst.List):
        return site.expression
    elements = list(site.expression.elements)
    for index, element in enumerate(elements):
        value = values.get(_element(site.name, index))
        if value is not None:
            elements[index] = element.with_changes(value=styled(element.value, value))
    same = all(a.value is b.value for a, b in zip(elements, site.expression.elements, strict=True))
    return site.expression if same else site.expression.with_changes(elements=elements)


def _bound(node: ast.AST) -> Iterator[str]:
    """Every binding of a module-level name, once each; ``global`` in a function counts as one."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for inner in ast.walk(child):
                if isinstance(inner, ast.Global):
                    yield from inner.names
        else:
            if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
                yield child.id
            yield from _bound(child)
