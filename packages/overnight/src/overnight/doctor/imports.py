"""What Python files import that is not their own: source in, names out."""

import ast
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import PurePosixPath

from overnight.discover.python_source import parse

_MOST_FILES = 200


def outside_imports(
    script: str, *, files: Collection[str], text: Callable[[str], str]
) -> list[str]:
    """The top-level modules that a program imports from outside of its repository.

    Imports within ``try`` are left out, because such a program can do without them.

    Args:
        script: The program's path.
        files: Every path of the repository.
        text: Gives a file's content.
    """
    wanted: dict[str, None] = {}
    pending, seen = [script], {script}
    while pending and len(seen) < _MOST_FILES:
        path = pending.pop()
        tree = parse(text(path))
        for name in _needed(tree) if tree is not None else ():
            own = _own_file(name, script, files)
            if own is None:
                wanted.setdefault(name.partition(".")[0])
            elif own not in seen:
                seen.add(own)
                pending.append(own)
    own_names = {PurePosixPath(path).parts[0].removesuffix(".py") for path in files}
    return sorted(set(wanted) - set(sys.stdlib_module_names) - own_names)


def _needed(tree: ast.AST) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module
            case ast.Try() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                pass  # not needed, or not needed at once
            case _:
                yield from _needed(node)


def _own_file(name: str, script: str, files: Collection[str]) -> str | None:
    """The repository's file that an import means."""
    place = PurePosixPath(script).parent
    stem = name.replace(".", "/")
    ends = (f"{stem}.py", f"{stem}/__init__.py")
    roots = ("" if place == PurePosixPath() else f"{place}/", "", "src/")
    return next((f"{root}{end}" for root in roots for end in ends if f"{root}{end}" in files), None)
