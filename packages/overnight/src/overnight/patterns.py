"""Path patterns as study files write them: gitignore's syntax, anchored at the root.

A leading ``/`` or ``./`` says nothing new; ``.`` means every file.
"""

from collections.abc import Iterable
from functools import cached_property

import pathspec


class PathPatterns:
    """A set of path patterns; ``train.py`` means the file at the root, ``src/**`` a subtree.

    Args:
        patterns: Gitignore syntax; a pattern is anchored at the repository root.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self.patterns = tuple(patterns)
        self._known: dict[str, bool] = {}

    @cached_property
    def _spec(self) -> pathspec.GitIgnoreSpec:
        return pathspec.GitIgnoreSpec.from_lines(map(_anchored, self.patterns))

    def match(self, path: str) -> bool:
        """Whether a path relative to the root, ``/`` between parts, is meant."""
        known = self._known.get(path)
        if known is None:
            known = self._known[path] = self._spec.match_file(path)
        return known

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PathPatterns) and self.patterns == other.patterns

    def __hash__(self) -> int:
        return hash(self.patterns)

    def __repr__(self) -> str:
        return f"PathPatterns({list(self.patterns)!r})"


def _anchored(pattern: str) -> str:
    if pattern in (".", "./"):
        return "**"
    pattern = pattern.removeprefix("./")
    return pattern if pattern.startswith(("/", "**")) else f"/{pattern}"
