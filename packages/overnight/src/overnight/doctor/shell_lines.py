"""What a study's lines of shell start: text in, programs out. What is not plain is left alone."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_OPERATOR = re.compile(r"[;&|()<>]+")
_NOT_PLAIN = re.compile(r"[$`*?\[\]{}]")
_PYTHON = re.compile(r"python[\d.]*")
_WRAPPERS = ("time", "nohup", "exec", "env", "command", "nice")
_RUNNERS = ("uv", "poetry", "pdm", "pixi", "hatch", "rye", "pipenv")
_WITH_VALUE = ("--with", "--python", "-p", "--extra", "--group", "--env-file", "--index", "-e")


@dataclass(frozen=True, slots=True)
class Started:
    """One simple command.

    Attributes:
        words: Program and arguments.
    """

    words: tuple[str, ...]

    @property
    def program(self) -> str:
        """What is started."""
        return self.words[0]

    @property
    def runner(self) -> tuple[str, ...]:
        """What goes before the program when a package manager runs it, such as ``uv run``."""
        if self.program not in _RUNNERS or self.words[1:2] != ("run",):
            return ()
        end = 2
        while end < len(self.words) and self.words[end].startswith("-"):
            end += 2 if self.words[end] in _WITH_VALUE else 1
        return self.words[:end]

    @property
    def python(self) -> tuple[str, ...]:
        """How the interpreter of a Python program is started; nothing where that is not plain."""
        inner = self.words[len(self.runner) :]
        if not inner:
            return ()
        if _PYTHON.fullmatch(PurePosixPath(inner[0]).name):
            return (*self.runner, inner[0])
        return (*self.runner, "python") if self.runner and inner[0].endswith(".py") else ()

    @property
    def script(self) -> str | None:
        """The file that an interpreter is given, relative to the checkout; None where none is."""
        inner = self.words[len(self.runner) :]
        if self.python and "-m" in inner[:-1]:
            return f"{inner[inner.index('-m') + 1].replace('.', '/')}.py"
        files = (word for word in inner if word.endswith((".py", ".sh")))
        found = next(files, None)
        return None if found is None else found.removeprefix("./")


def started_by(line: str) -> list[Started]:
    """The simple commands of a line of shell, as far as they can be read without running it."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError:
        return []
    plain = (tuple(_without_wrappers(part)) for part in _parts(words))
    return [Started(part) for part in plain if part and not _NOT_PLAIN.search(part[0])]


def _parts(words: Sequence[str]) -> Iterator[list[str]]:
    """The words between operators; the file of a redirection is dropped."""
    part: list[str] = []
    skip = False
    for word in words:
        if _OPERATOR.fullmatch(word):
            skip = "<" in word or ">" in word
            if not skip:
                yield part
                part = []
        elif not skip:
            part.append(word)
        else:
            skip = False
    yield part


def _without_wrappers(words: Sequence[str]) -> Sequence[str]:
    while words and (_ASSIGNMENT.fullmatch(words[0]) or words[0] in _WRAPPERS):
        words = words[1:]
    return words
