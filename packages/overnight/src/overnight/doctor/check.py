"""The doctor's words: checks, and what they find."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from overnight.errors import OvernightError

if TYPE_CHECKING:
    from overnight.doctor.patient import Patient


class Broken(OvernightError):
    """Something that several checks need is broken.

    Args:
        details: What a program said of it.
    """

    def __init__(self, message: str, *, fix: str, details: Iterable[str] = ()) -> None:
        super().__init__(message, fix=fix)
        self.details = tuple(details)


class Status(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


class Group(StrEnum):
    """What a check is about."""

    STUDY = "study"
    GIT = "git"
    MACHINE = "machine"
    SANDBOX = "sandbox"
    TOOLS = "tools"
    GPU = "gpu"
    AGENT = "agent"
    RUN = "run"
    NOTIFY = "notify"


@dataclass(frozen=True, slots=True)
class Result:
    """What one check found.

    Attributes:
        finding: One sentence.
        fix: The command to run or the key to change, as a sentence; empty where all is well.
        details: Lines that say more, such as a program's last words.
    """

    status: Status
    finding: str
    fix: str = ""
    details: tuple[str, ...] = ()


def ok(finding: str, details: Iterable[str] = ()) -> Result:
    """All is well."""
    return Result(Status.OK, finding, details=tuple(details))


def warning(finding: str, *, fix: str, details: Iterable[str] = ()) -> Result:
    """A night can run, but not as well as it might."""
    return Result(Status.WARNING, finding, fix, tuple(details))


def failed(finding: str, *, fix: str, details: Iterable[str] = ()) -> Result:
    """A night would fail, or its results could not be trusted."""
    return Result(Status.FAILED, finding, fix, tuple(details))


def skipped(finding: str, *, fix: str = "") -> Result:
    """There was nothing to examine, or it was not asked for."""
    return Result(Status.SKIPPED, finding, fix)


Examine = Callable[["Patient"], Result]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a night depends on.

    Attributes:
        name: Such as ``gpu.computes``; stable, for scripts.
        examine: Looks at the patient; the first line of its docstring says what it proves.
        slow: Whether `overnight doctor --quick` leaves it out.
    """

    name: str
    group: Group
    examine: Examine
    slow: bool = False

    @property
    def purpose(self) -> str:
        """What holds when the check finds nothing, as a sentence."""
        return (self.examine.__doc__ or "").strip().split("\n", 1)[0]


def checks(group: Group, *functions: Examine, slow: bool = False) -> tuple[Check, ...]:
    """Checks named after their functions, in order."""
    return tuple(
        Check(f"{group}.{function.__name__.replace('_', '-')}", group, function, slow)
        for function in functions
    )
