"""Source text as statements without layout, comments, or the names that their author chose.

A statement of Python becomes the kinds of its syntax nodes and those names that mean something
outside of the proposal: what the study had before, builtins, what libraries call things. Names
that the proposal made up, and all names of local variables, are blanks. Numbers stand apart, to be
compared as numbers. Text that is no Python becomes its lines, with the numbers apart.
"""

import ast
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

_MOST_CHARACTERS = 256 * 1024
_MOST_STATEMENTS = 5_000
_MOST_TOKENS = 400
_LONGEST_LABEL = 24
_BLANK = "_"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_NAME = re.compile(r"[^\W\d]\w*")
_MEMBER = re.compile(r"\.\s*([^\W\d]\w*)")
_NUMBER = re.compile(r"(?<![\w.])\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?")
_COMMENT = re.compile(r"(?:^|\s)(?:#|//).*$")
_LINE_END = re.compile(r"\r\n?|\n")  # where Python ends lines; `str.splitlines` ends more of them


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, or one line of what is no Python.

    Attributes:
        owner: The constant, function or class at the top of the file that it belongs to, else the
            file itself.
        shape: The statement without its numbers.
        uses: Names that it reads, as they are written.
    """

    owner: str
    shape: str
    numbers: tuple[float, ...] = ()
    uses: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Blank:
    """Names that mean nothing outside of a proposal.

    Attributes:
        members: The same, behind a dot.
    """

    names: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Part:
    """Something at the top of a file: an assignment, a function, a class, or a line.

    Attributes:
        text: As it is written, without what stands between parts.
        node: None in what is no Python.
    """

    owner: str
    text: str
    node: ast.stmt | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A file, read.

    Attributes:
        public: Names bound at the top of the file, or as members of its classes.
        members: Names behind a dot, anywhere in the text.
    """

    parts: tuple[Part, ...]
    public: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()


@lru_cache(maxsize=16)
def read_source(text: str, path: str) -> Source:
    """Read a file as Python where it is that, else as lines."""
    stem = PurePosixPath(path).stem
    tree = _parse(text) if path.endswith(".py") else None
    if tree is None:
        lines = text[:_MOST_CHARACTERS].splitlines()[:_MOST_STATEMENTS]
        return Source(tuple(Part(stem, line) for line in lines))
    lines = _LINE_END.split(text)
    return Source(
        tuple(Part(_owner(node) or stem, _text(node, lines), node) for node in tree.body),
        frozenset(_public(tree)),
        frozenset(_MEMBER.findall(text)),
    )


def statements(parts: Iterable[Part], *, blank: Blank) -> Iterator[Statement]:
    """Every statement of some parts, each without those inside of it, in the source's order."""
    for part in parts:
        if part.node is None:
            yield from _line(part)
        else:
            yield from _inside(part.node, part.owner, blank)


def names_in(part: Part) -> list[str]:
    """Every name that a part contains."""
    return _NAME.findall(part.text)


def made_up(old: Source, new: Source, changed: Iterable[Part]) -> Blank:
    """Names that stand as blanks: those that the change brings along, and all local ones.

    Args:
        changed: Parts of either source that are not in the other.
    """
    local = {name for part in changed if part.node for name in _local(part.node)}
    names = (new.public - old.public) | (local - old.public)
    return Blank(frozenset(names), frozenset(names & new.members) - old.members)


def _parse(text: str) -> ast.Module | None:
    """The syntax tree, or None for what is no Python or too much of it."""
    if len(text) > _MOST_CHARACTERS:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def _text(node: ast.stmt, lines: Sequence[str]) -> str:
    first = min((each.lineno for each in getattr(node, "decorator_list", ())), default=node.lineno)
    return "\n".join(lines[first - 1 : node.end_lineno])


def _owner(node: ast.stmt) -> str:
    match node:
        case ast.Assign(targets=[ast.Name(id=name), *_]):
            return name
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.AugAssign(target=ast.Name(id=name)):
            return name
        case _:
            return next(_bound_by(node), "")


def _public(tree: ast.Module) -> Iterator[str]:
    """Names bound outside of functions."""
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        yield from _bound_by(node)
        if not isinstance(node, _FUNCTIONS):
            pending.extend(ast.iter_child_nodes(node))


def _local(top: ast.stmt) -> Iterator[str]:
    """Names bound inside of functions, parameters included."""
    pending: list[tuple[ast.AST, bool]] = [(top, False)]
    while pending:
        node, inside = pending.pop()
        if inside:
            yield from _bound_by(node)
        inside = inside or isinstance(node, _FUNCTIONS)
        pending.extend((child, inside) for child in ast.iter_child_nodes(node))


def _bound_by(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Name(id=name, ctx=ast.Store()):
            yield name
        case ast.arg(arg=name):
            yield name
        case ast.alias(asname=str(name)) | ast.ExceptHandler(name=str(name)):
            yield name
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)):
            yield name


def _line(part: Part) -> Iterator[Statement]:
    """What a line says, comments and layout taken off."""
    bare = " ".join(_COMMENT.sub("", part.text).split())
    if bare:
        numbers = tuple(float(found.replace("_", "")) for found in _NUMBER.findall(bare))
        yield Statement(part.owner, _NUMBER.sub("#", bare), numbers, frozenset(_NAME.findall(bare)))


def _inside(top: ast.stmt, owner: str, blank: Blank) -> Iterator[Statement]:
    pending = [top]
    for _ in range(_MOST_STATEMENTS):
        if not pending:
            return
        node = pending.pop()
        if not _says_nothing(node):
            yield _Reading(blank).statement(node, owner)
        pending.extend(reversed(list(_inner(node))))


def _says_nothing(node: ast.stmt) -> bool:
    match node:
        case ast.Pass() | ast.Expr(value=ast.Constant(value=str())):
            return True
        case _:
            return False


def _inner(node: ast.AST) -> Iterator[ast.stmt]:
    """The statements right inside of a node, also those of its ``except`` and ``case`` parts."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        elif isinstance(child, ast.excepthandler | ast.match_case):
            yield from _inner(child)


class _Reading:
    """Reads one statement without the statements inside of it."""

    def __init__(self, blank: Blank) -> None:
        self._blank = blank
        self._numbers: list[float] = []
        self._uses: set[str] = set()

    def statement(self, node: ast.stmt, owner: str) -> Statement:
        shape = " ".join(self._tokens(node))
        return Statement(owner, shape, tuple(self._numbers), frozenset(self._uses))

    def _tokens(self, node: ast.AST) -> Iterator[str]:
        pending: list[ast.AST] = [node]
        for _ in range(_MOST_TOKENS):
            if not pending:
                return
            current = pending.pop()
            yield self._token(current)
            pending.extend(reversed(list(_parts(current))))

    def _token(self, node: ast.AST) -> str:
        word = type(node).__name__
        match node:
            case ast.Constant(value=value):
                word = self._constant(value)
            case ast.Attribute(attr=name):
                self._uses.add(name)
                word = f".{_BLANK if name in self._blank.members else name}"
            case ast.Name(id=name, ctx=context):
                if isinstance(context, ast.Load):
                    self._uses.add(name)
                word = self._named(name)
            case ast.keyword(arg=str(name)) | ast.arg(arg=name):
                word = self._named(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                word = f"{word} {self._named(name)}"
            case ast.ClassDef(name=name):
                word = f"{word} {self._named(name)}"
            case ast.alias(name=name) | ast.ImportFrom(module=str(name)):
                self._uses.update(name.split("."))
                word = name
            case ast.AnnAssign():
                word = "Assign"
        return word

    def _named(self, name: str) -> str:
        return _BLANK if name in self._blank.names else name

    def _constant(self, value: object) -> str:
        if isinstance(value, bool) or value is None:
            return str(value)
        if isinstance(value, int | float):
            self._numbers.append(_as_float(value))
            return "#"
        is_label = isinstance(value, str) and len(value) <= _LONGEST_LABEL and value.isidentifier()
        return repr(value) if is_label else "$"


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """A node's children, without statements, type annotations and contexts."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "ctx"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, ast.stmt):
                yield child


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")
