"""What was found in a repository, where, and how sure that is."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from overnight.types import Goal

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Certainty(StrEnum):
    """How much a finding can be relied on."""

    STATED = "stated"
    LIKELY = "likely"
    GUESS = "guess"


@dataclass(frozen=True, slots=True)
class Source:
    """A place in the repository; without a line, the file's presence is what counts."""

    path: str
    line: int | None = None

    def __str__(self) -> str:
        return self.path if self.line is None else f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Finding(Generic[T_co]):
    """One value for the study file.

    Attributes:
        why: What speaks for it, as a short phrase.
        source: Where; None for what comes from the user or from a default.
        alternatives: Other values that were considered, the next best first.
    """

    value: T_co
    why: str
    certainty: Certainty = Certainty.LIKELY
    source: Source | None = None
    alternatives: tuple[T_co, ...] = ()

    @property
    def origin(self) -> str:
        """Place and reason in one phrase."""
        return f"{self.source}: {self.why}" if self.source else self.why


@dataclass(frozen=True, slots=True)
class Given:
    """What the user has settled; the rest is looked for in its light.

    Attributes:
        setup: An empty text means that none is needed.
        protected: In addition to what is found.
    """

    name: str | None = None
    metric: str | None = None
    goal: Goal | None = None
    editable: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    measure: str | None = None
    setup: str | None = None
    deadline_s: float | None = None


def given(value: T) -> Finding[T]:
    """A finding that is the user's own word."""
    return Finding(value, "given", Certainty.STATED)


@dataclass(frozen=True, slots=True)
class Discovery:
    """Everything that a study file needs; None or empty where nothing was found.

    Attributes:
        reported: Every metric that the measured script seems to print.
        constraint: A bound worth having, such as ``peak_vram_mb <= 46000``; only suggested.
        home_paths: What the code reads below the user's home.
    """

    name: Finding[str]
    program: Finding[str] | None
    metric: Finding[str] | None
    goal: Finding[Goal] | None
    reported: tuple[Finding[str], ...]
    constraint: Finding[str] | None
    editable: tuple[Finding[str], ...]
    protected: tuple[Finding[str], ...]
    setup: Finding[str] | None
    measure: Finding[str] | None
    deadline_s: Finding[float]
    home_paths: tuple[Finding[str], ...] = ()
