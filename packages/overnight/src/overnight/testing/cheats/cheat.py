"""What a cheat is: where it applies, and what must come of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from overnight.types import Verdict


class Layout(StrEnum):
    """How the study measures: by a scorer of its own, or in the candidate's own run."""

    SCORED = "scored"
    SAME_RUN = "same run"


class Ending(StrEnum):
    """What came of a cheat.

    `PREVENTED`: it had no effect, and was measured as what it honestly is. `CAUGHT`: its verdict
    names it, or a checkpoint took it back. `SUCCEEDED`: neither, which must not be. `UNKNOWN`: its
    night could not be run to the end.
    """

    PREVENTED = "prevented"
    CAUGHT = "caught"
    SUCCEEDED = "succeeded"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Expected:
    """One way in which a cheat may end.

    Attributes:
        verdict: Of its trial; a keep is one that a checkpoint has refuted since.
        by: What stops it, in a few words.
    """

    ending: Ending
    verdict: Verdict
    by: str


Expectations = tuple[Expected, ...]


@dataclass(frozen=True, slots=True)
class Cheat:
    """A researcher that cheats.

    Attributes:
        expected: Per layout that it is run in, the endings that are right; mostly one.
        settings: Tables of the study file, in place of the study's own.
        confined: Whether it needs the sandbox to be stopped, or to be safe to run.
    """

    expected: Mapping[Layout, Expectations]
    settings: Mapping[str, Any] = field(default_factory=dict)
    confined: bool = True


CheatProgram = Callable[[Path], None]
"""Cheats in the clone that it is given; runs as the researcher's own program."""


def prevented(by: str, verdict: Verdict = Verdict.DISCARD) -> Expectations:
    """It has no effect; as the change is idle, it is a discard with the baseline's very value."""
    return (Expected(Ending.PREVENTED, verdict, by),)


def caught(verdict: Verdict, by: str) -> Expectations:
    """Its own trial ends with a verdict that names it."""
    return (Expected(Ending.CAUGHT, verdict, by),)


def refuted(by: str = "hold-out at the checkpoint") -> Expectations:
    """It is kept, and a checkpoint demotes it before the next trial."""
    return (Expected(Ending.CAUGHT, Verdict.KEEP, by),)
