"""Edits of a clone: made in memory, and written only when all of them fit."""

import os
from collections.abc import Iterable
from pathlib import Path

from overnight.patterns import PathPatterns
from overnight.researchers.chat.blocks import Block, Problem
from overnight.researchers.chat.fitting import DoesNotFit, fit, nearest
from overnight.researchers.files import is_inside, read_text


class Edits:
    """What a model's edits make of a clone.

    Args:
        editable: Which files may be edited or made.
    """

    def __init__(self, workspace: Path, editable: PathPatterns) -> None:
        self._workspace = workspace
        self._editable = editable
        self._texts: dict[str, str] = {}
        self._made: set[Block] = set()

    def make(self, blocks: Iterable[Block]) -> list[Problem]:
        """Make edits in their order; returns what is wrong with those that do not fit.

        One that was made in an earlier call, and is said again, is passed by.
        """
        problems, fresh = [], [block for block in blocks if block not in self._made]
        for block in fresh:
            try:
                self._texts[block.path] = fit(self._text(block.path), block)
            except DoesNotFit as error:
                why = f"{error}{self._what_is_there(block)}"
                problems.append(Problem.of(block, why))
            else:
                self._made.add(block)
        return problems

    def write(self) -> None:
        """Write what was made.

        Raises:
            OSError: A file cannot be written.
        """
        for path, text in self._texts.items():
            target = self._workspace / path
            target.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(target, flags, 0o644), "wb") as file:
                file.write(text.encode("utf-8", "replace"))

    def _text(self, path: str) -> str | None:
        """A file's text by now, or None where there is no such file."""
        if path in self._texts:
            return self._texts[path]
        if not is_inside(self._workspace, path):
            raise DoesNotFit("its path is none of a plain file in this repository")
        if not self._editable.match(path):
            raise DoesNotFit("this file may not be changed")
        if not (self._workspace / path).exists():
            return None
        text = read_text(self._workspace, path)
        if text is None:
            raise DoesNotFit("this file is no text, or too large")
        return text

    def _what_is_there(self, block: Block) -> str:
        text = self._texts.get(block.path) or read_text(self._workspace, block.path)
        near = nearest(text, block.search) if text else ""
        return f". The nearest lines there are:\n```\n{near}\n```" if near else ""
