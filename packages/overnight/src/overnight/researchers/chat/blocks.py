"""The edits in a model's answer, as it wrote them.

An edit is a line with the path of a file, and below it, in a code fence or without one::

    train.py
    <<<<<<< SEARCH
    LEARNING_RATE = 0.1
    =======
    LEARNING_RATE = 0.05
    >>>>>>> REPLACE

An empty first half makes a new file. A block without a path is for the same file as the one before.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field

_BEGIN = re.compile(r"\s{0,3}<{5,9} ?SEARCH\s*")
_MIDDLE = re.compile(r"\s{0,3}={7}\s*")
_END = re.compile(r"\s{0,3}>{5,9} ?REPLACE\s*")
_FENCE = re.compile(r"\s*(?:`{3,}|~{3,})[^`]*")
_DECORATION = re.compile(r"^[#>\s]*(?:[-*+]\s+)?(?:\*\*)?(?:(?:file|filename|path)\s*:\s*)?", re.I)
_QUOTED = re.compile(r"`([^`]+)`")
_MOST_QUOTED_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of a file, and those that stand there afterwards.

    Attributes:
        path: As the model wrote it, less what is put around paths in Markdown.
    """

    path: str
    search: tuple[str, ...]
    replace: tuple[str, ...]

    def __str__(self) -> str:
        middle = (*self.search, "=======", *self.replace)
        return "\n".join([self.path, "<<<<<<< SEARCH", *middle, ">>>>>>> REPLACE"])


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in an answer that is no edit, or does not fit.

    Attributes:
        quoted: What the model wrote, clipped.
        why: As a sentence.
    """

    quoted: str
    why: str

    @classmethod
    def of(cls, quoted: object, why: str) -> "Problem":
        """A problem with a quotation of bounded length."""
        return cls(str(quoted)[:_MOST_QUOTED_CHARACTERS], why)


@dataclass(frozen=True, slots=True)
class Parsed:
    """An answer, taken apart.

    Attributes:
        prose: What stands outside of the blocks.
    """

    blocks: tuple[Block, ...]
    problems: tuple[Problem, ...]
    prose: str


@dataclass(slots=True)
class _Reader:
    """Goes through the lines of an answer once.

    Attributes:
        known: Paths that are taken for one wherever they stand above a block.
        fresh: How many lines of the prose stand above the last block.
        inside: The lines of the block that is being read, or None between blocks.
    """

    known: Collection[str]
    blocks: list[Block] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    prose: list[str] = field(default_factory=list)
    path: str = ""
    fresh: int = 0
    inside: list[str] | None = None

    def read(self, line: str) -> None:
        if _BEGIN.fullmatch(line):
            self._cut_off("it does not end with `>>>>>>> REPLACE`")
            self._take_path()
            self.inside = []
        elif self.inside is None:
            if not _FENCE.fullmatch(line):
                self.prose.append(line)
        elif _END.fullmatch(line):
            self._end(self.inside)
            self.inside = None
        else:
            self.inside.append(line)

    def finish(self) -> Parsed:
        self._cut_off("the answer ends before its `>>>>>>> REPLACE`")
        prose = "\n".join(self.prose).strip()
        return Parsed(tuple(self.blocks), tuple(self.problems), prose)

    def _take_path(self) -> None:
        """The last line above the block is its path, where it is one."""
        while len(self.prose) > self.fresh and not self.prose[-1].strip():
            self.prose.pop()
        if len(self.prose) > self.fresh:
            path = _path_in(self.prose[-1])
            if path in self.known or (path and (not self.path or _is_path(self.prose[-1], path))):
                self.path = path
                self.prose.pop()
        self.fresh = len(self.prose)

    def _end(self, lines: list[str]) -> None:
        middles = [number for number, line in enumerate(lines) if _MIDDLE.fullmatch(line)]
        if len(middles) != 1:
            count = "no" if not middles else "more than one"
            self._note(lines, f"it has {count} line `=======` between its halves")
        elif not self.path:
            self._note(lines, "no line with the path of its file stands above it")
        else:
            search, replace = lines[: middles[0]], lines[middles[0] + 1 :]
            self.blocks.append(Block(self.path, tuple(search), tuple(replace)))

    def _cut_off(self, why: str) -> None:
        if self.inside is not None:
            self._note(self.inside, why)
            self.inside = None

    def _note(self, lines: list[str], why: str) -> None:
        quoted = "\n".join(filter(None, [self.path, *lines]))
        self.problems.append(Problem.of(quoted, why))


def parse(answer: str, *, known: Collection[str] = ()) -> Parsed:
    """Take an answer apart; never fails, whatever a model wrote.

    Args:
        known: Paths of files, for lines that could also be words.
    """
    reader = _Reader(known)
    for line in answer.replace("\r\n", "\n").split("\n"):
        reader.read(line)
    return reader.finish()


def _path_in(line: str) -> str:
    """The path in a line, without what Markdown and habit put around it; "" where it has none."""
    rest = _DECORATION.sub("", line.strip(), count=1)
    quoted = _QUOTED.findall(rest)
    if len(quoted) == 1:
        return str(quoted[0]).strip().removeprefix("./")
    path = rest.strip("`*\"': ").removeprefix("./")
    return "" if any(character.isspace() for character in path) else path


def _is_path(line: str, path: str) -> bool:
    """Whether a line without blanks is a path rather than a word such as "Then:"."""
    return "/" in path or "." in path or f"`{path}`" in line
