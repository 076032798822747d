"""What a proposal does to the code, comparable with what others did.

Renaming, comments, layout, the order of statements and small changes of numbers do not hide that
two proposals are the same.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from overnight.drift import syntax
from overnight.drift.facts import FileChange
from overnight.drift.syntax import Part, Source, Statement

_MOST_FILES = 50
_JITTER = 1 / 11  # of the larger of two numbers: a tenth of the smaller


@dataclass(frozen=True, slots=True)
class Edit:
    """A proposal's statements.

    Attributes:
        added: Those that are new.
        removed: Those that are gone.
        foreign: The share of the change that lies in constants, functions, classes and files which
            it brings along; 0 for a proposal without any change.
        idle: How many of the new statements are in such that nothing else refers to.
    """

    added: tuple[Statement, ...] = ()
    removed: tuple[Statement, ...] = ()
    foreign: float = 0.0
    idle: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether only names, comments and layout change, or nothing."""
        return not self.added and not self.removed


@lru_cache(maxsize=128)
def read_edit(files: tuple[FileChange, ...]) -> Edit:
    """The statements that a proposal adds and removes over all of its files."""
    read = [_read_file(file) for file in files[:_MOST_FILES]]
    added = [each for file in read for each in file.added]
    removed = [each for file in read for each in file.removed]
    foreign = [each for file in read for each in file.foreign]
    live = _live({name for file in read for name in file.used}, foreign)
    return Edit(
        tuple(added),
        tuple(removed),
        len(foreign) / max(len(added) + len(removed), 1),
        sum(each.owner not in live for each in foreign),
    )


@dataclass(frozen=True, slots=True)
class _FileEdit:
    """One file's part of an edit.

    Attributes:
        foreign: Added statements of owners that the file did not have.
        used: Names that the file's own code refers to after the change.
    """

    added: list[Statement]
    removed: list[Statement]
    foreign: list[Statement]
    used: set[str]


def _read_file(file: FileChange) -> _FileEdit:
    old = syntax.read_source(file.old or "", file.path)
    new = syntax.read_source(file.new or "", file.path)
    less, more = _only_in(old, new), _only_in(new, old)
    blank = syntax.made_up(old, new, [*less, *more])
    before = list(syntax.statements(less, blank=blank))
    after = list(syntax.statements(more, blank=blank))
    known = {part.owner for part in old.parts}
    added = _difference(after, before)
    used = {name for part in new.parts if part.owner in known for name in syntax.names_in(part)}
    return _FileEdit(
        added,
        _difference(before, after),
        [each for each in added if each.owner not in known],
        used,
    )


def _only_in(one: Source, other: Source) -> list[Part]:
    """Parts that are not, letter by letter, in the other source as well."""
    texts = Counter(part.text for part in other.parts)
    found = []
    for part in one.parts:
        if texts[part.text]:
            texts[part.text] -= 1
        else:
            found.append(part)
    return found


def _live(used: set[str], foreign: Sequence[Statement]) -> set[str]:
    """The owners that the study's own code refers to, directly or through others of them."""
    live: set[str] = set()
    while reached := {each.owner for each in foreign if each.owner in used} - live:
        live |= reached
        used = used | {name for each in foreign if each.owner in reached for name in each.uses}
    return live


def likeness(one: Edit, other: Edit) -> float:
    """How much of two proposals is the same: 1 for the same idea in other words, 0 for no overlap.

    What they add is compared; proposals that only remove are compared by that.
    """
    by_removal = not one.added and not other.added
    mine, theirs = (one.removed, other.removed) if by_removal else (one.added, other.added)
    if not mine or not theirs:
        return 0.0
    return 2 * _shared(mine, theirs) / (len(mine) + len(theirs))


def _difference(these: Iterable[Statement], those: Iterable[Statement]) -> list[Statement]:
    """What is in the first and not in the second, each as often as it is there more often."""
    left = Counter((each.shape, each.numbers) for each in those)
    more = []
    for statement in these:
        key = (statement.shape, statement.numbers)
        if left[key]:
            left[key] -= 1
        else:
            more.append(statement)
    return more


def _shared(these: Iterable[Statement], those: Iterable[Statement]) -> int:
    """How many statements have a counterpart; each serves once."""
    open_ones = _by_shape(those)
    count = 0
    for statement in these:
        numbers = open_ones.get(statement.shape, [])
        match = next((each for each in numbers if _close(each, statement.numbers)), None)
        if match is not None:
            numbers.remove(match)
            count += 1
    return count


def _by_shape(statements: Iterable[Statement]) -> Mapping[str, list[tuple[float, ...]]]:
    found: defaultdict[str, list[tuple[float, ...]]] = defaultdict(list)
    for statement in statements:
        found[statement.shape].append(statement.numbers)
    return found


def _close(these: tuple[float, ...], those: tuple[float, ...]) -> bool:
    """Whether numbers differ by jitter only: by a tenth at most."""
    return len(these) == len(those) and all(
        math.isclose(one, other, rel_tol=_JITTER) for one, other in zip(these, those, strict=True)
    )
