"""Which study a command is about: the same option everywhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from overnight.api import find_study
from overnight.ledger.queries import LedgerReader

__all__ = ["JsonOption", "StudyOption", "TrialArgument", "find_study", "reading"]

StudyOption: TypeAlias = Annotated[
    Path,
    typer.Option("--study", "-s", help="Study file, or a directory at or below where it is."),
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="JSON, for scripts.")]
TrialArgument: TypeAlias = Annotated[
    int, typer.Argument(min=0, help="The trial's number; 0 is the baseline.", show_default=False)
]


@contextmanager
def reading(ledger: Path) -> Iterator[LedgerReader]:
    """A ledger opened for reading while the block lasts.

    Raises:
        LedgerError: There is none, or it cannot be read.
    """
    reader = LedgerReader(ledger)
    try:
        yield reader
    finally:
        reader.close()
