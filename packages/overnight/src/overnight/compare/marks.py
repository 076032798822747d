"""What a proposal changes: constants by name and direction, functions and classes by syntax tree.

Where only a description is known, its words have to do.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from overnight.compare.phrases import Direction, Topic, by_numbers, mentions, topic_of
from overnight.compare.records import ArmTrial
from overnight.drift import syntax
from overnight.drift.edits import read_edit
from overnight.drift.facts import FileChange

_MOST_CHARACTERS = 256 * 1024
_MOST_MARKS = 40


class Kind(StrEnum):
    """What was changed."""

    CONSTANT = "constant"
    CODE = "code"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that a proposal changes.

    Attributes:
        name: As it stands in the code or in the description.
        topic: What the name is about.
    """

    kind: Kind
    name: str
    topic: Topic
    direction: Direction

    @property
    def key(self) -> str:
        """The same for any two that may fit."""
        return f"{self.kind} {self.name}" if self.kind is Kind.CODE else self.topic.head

    def fits(self, other: "Mark") -> bool:
        """Whether two proposals that have these turned the same screw.

        Code goes by its name. So does a constant, but for words, which go by what they are about.
        """
        if Kind.WORDS not in (self.kind, other.kind):
            return self.kind is other.kind and self.name == other.name
        return Kind.CODE not in (self.kind, other.kind) and self.topic.fits(other.topic)


def marks_of(trial: ArmTrial) -> list[Mark]:
    """What a proposal changes, by its files, else by its title; the same name once."""
    found: dict[tuple[Kind, str], Mark] = {}
    for mark in _of_files(trial.files) if trial.files else ():
        found.setdefault((mark.kind, mark.name), mark)
    told = list(found.values())[:_MOST_MARKS]
    return told or [
        Mark(Kind.WORDS, each.words, each.topic, each.direction) for each in mentions(trial.title)
    ]


def _of_files(files: tuple[FileChange, ...]) -> Iterator[Mark]:
    for file in files:
        edit = read_edit((file,))
        if edit.is_empty:
            continue
        turned = _turned(file)
        yield from turned.values()
        before, after = _owners(file.old, file.path), _owners(file.new, file.path)
        bases = {name.partition("[")[0] for name in turned}
        touched = dict.fromkeys(each.owner for each in (*edit.removed, *edit.added))
        for owner in touched:
            if owner not in bases:
                yield _code(owner, known=owner in before, left=owner in after)


def _turned(file: FileChange) -> Mapping[str, Mark]:
    """Constants at the top of a Python file that have another value, are new, or are gone."""
    old, new = _constants(file.old, file.path), _constants(file.new, file.path)
    found = {}
    for name in sorted(old.keys() | new.keys()):
        topic = topic_of(name)
        if old.get(name) != new.get(name) and topic is not None:
            direction = _direction(old.get(name), new.get(name))
            found[name] = Mark(Kind.CONSTANT, name, topic, direction)
    return found


def _constants(text: str | None, path: str) -> Mapping[str, bool | float | str]:
    # libcst is slow to import, and logs of other tools have no files.
    from overnight.researchers.tune.constants import UnreadableSource, survey  # noqa: PLC0415

    if not text or len(text) > _MOST_CHARACTERS or not path.endswith(".py"):
        return {}
    try:
        return {each.name: each.value for each in survey(text.encode(errors="replace")).constants}
    except (UnreadableSource, RecursionError):
        return {}


def _direction(old: bool | float | str | None, new: bool | float | str | None) -> Direction:
    if old is None or new is None:
        return Direction.ADDED if old is None else Direction.REMOVED
    if isinstance(old, str) or isinstance(new, str):
        return Direction.CHANGED
    return by_numbers(float(old), float(new))


def _owners(text: str | None, path: str) -> set[str]:
    stem = PurePosixPath(path).stem
    parts = syntax.read_source(text or "", path).parts
    return {part.owner for part in parts} | ({stem} if text else set())


def _code(owner: str, *, known: bool, left: bool) -> Mark:
    direction = Direction.CHANGED
    if known != left:
        direction = Direction.REMOVED if known else Direction.ADDED
    return Mark(Kind.CODE, owner, topic_of(owner) or Topic(owner), direction)
