"""The nouns: frozen values that every other module speaks in."""

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, TypeAlias

JsonValue: TypeAlias = (
    bool | int | float | str | list["JsonValue"] | Mapping[str, "JsonValue"] | None
)


class Goal(StrEnum):
    """Which way the objective should go."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"

    def gain(self, *, old: float, new: float) -> float:
        """How much better `new` is than `old`, in the metric's unit; negative when worse."""
        return old - new if self is Goal.MINIMIZE else new - old


class State(StrEnum):
    """How far a trial has come."""

    QUEUED = "queued"
    PROPOSING = "proposing"
    MEASURING = "measuring"
    DONE = "done"


class Verdict(StrEnum):
    """How a trial ended."""

    KEEP = "keep"
    DISCARD = "discard"
    VIOLATION = "violation"
    CRASH = "crash"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    TOO_MANY_PROCESSES = "too_many_processes"
    OUT_OF_DISK = "out_of_disk"
    NO_METRIC = "no_metric"
    DUPLICATE = "duplicate"
    OUT_OF_SCOPE = "out_of_scope"
    TAMPERED = "tampered"
    STALE = "stale"
    INTERRUPTED = "interrupted"


class SandboxKind(StrEnum):
    """What confines the programs of a study."""

    BUBBLEWRAP = "bubblewrap"
    NONE = "none"


class Clock(StrEnum):
    """Which time a run's own account of its training is held against."""

    WALL = "wall"
    CPU = "cpu"


class Trust(StrEnum):
    """How far a measurement can be believed, by how it was made.

    `SCORED`: protected code made the number, apart from the candidate. `CONFINED`: the candidate's
    own run printed it, inside the sandbox. `OPEN`: it ran with the user's rights.
    """

    SCORED = "scored"
    CONFINED = "confined"
    OPEN = "open"


class Ties(StrEnum):
    """What becomes of a candidate that measures the same as the incumbent."""

    KEEP = "keep"
    DISCARD = "discard"
    SIMPLER = "simpler"


@dataclass(frozen=True, slots=True)
class Constraint:
    """A hard bound on a reported metric, such as ``peak_vram_mb <= 46000``."""

    metric: str
    relation: str
    bound: float

    RELATIONS: ClassVar[Mapping[str, Callable[[float, float], bool]]] = {
        "<=": operator.le,
        ">=": operator.ge,
        "<": operator.lt,
        ">": operator.gt,
    }

    @classmethod
    def parse(cls, text: str) -> "Constraint":
        """Read ``metric <= bound``.

        Raises:
            ValueError: The text has another form.
        """
        match = re.fullmatch(r"\s*([A-Za-z_][\w./-]*)\s*(<=|>=|<|>)\s*(\S+)\s*", text)
        bound = _finite(match[3]) if match else None
        if match is None or bound is None:
            raise ValueError(f"{text!r} is no constraint; write it as 'peak_vram_mb <= 46000'")
        return cls(match[1], match[2], bound)

    def holds(self, value: float) -> bool:
        """Whether a value satisfies the bound."""
        return self.RELATIONS[self.relation](value, self.bound)

    def __str__(self) -> str:
        return f"{self.metric} {self.relation} {self.bound:g}"


def _finite(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


@dataclass(frozen=True, slots=True)
class Objective:
    """What a study optimises and what it must not break."""

    metric: str
    goal: Goal
    constraints: tuple[Constraint, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """What one call of an agent used; None where the agent did not say.

    `input_tokens` includes `cached_input_tokens`, and `output_tokens` includes
    `reasoning_tokens`, as OpenAI's API counts them.

    Attributes:
        priced_by: Whose price `cost_usd` is, such as ``genai-prices 0.2.3``.
    """

    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: float | None = None
    priced_by: str | None = None

    @property
    def total_tokens(self) -> int:
        """Input and output tokens together; what was not reported counts as zero."""
        return (self.input_tokens or 0) + (self.output_tokens or 0)


@dataclass(frozen=True, slots=True)
class Phases:
    """Where the time of a trial went, in seconds; None where that is not known.

    Attributes:
        thinking_s: The researcher's calls.
        guards_s: The harness's own work: briefs, checkouts, guards, the record.
        measuring_s: Setup, the measured command, the scorer.
        idle_s: Waiting: for a turn, for a device, for the next attempt, or paused.
    """

    thinking_s: float | None = None
    guards_s: float | None = None
    measuring_s: float | None = None
    idle_s: float | None = None


UNTIMED = Phases()
"""Where nothing is known of the time."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a researcher says of the change that it left in its clone.

    Attributes:
        title: One line, shown wherever the trial is listed.
        rationale: What, why, and the expected effect on the objective.
        details: Anything the researcher wants to read again from its history.
        usage: What the call used.
        target: The metric that it says it means to improve.
        commands: What the agent says it ran, as far as its event stream tells.
    """

    title: str
    rationale: str = ""
    details: Mapping[str, JsonValue] = field(default_factory=dict)
    usage: Usage = Usage()
    target: str = ""
    commands: tuple[str, ...] = ()


class ChangeKind(StrEnum):
    """What a proposal does to one path."""

    ADDED = "added"
    MODIFIED = "modified"
    DELETED = "deleted"


class EntryKind(StrEnum):
    """What stands at a path after the proposal."""

    FILE = "file"
    SYMLINK = "symlink"
    NESTED_REPOSITORY = "nested repository"
    SPECIAL = "special file"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Change:
    """One path that a proposal adds, modifies or deletes.

    Attributes:
        path: Relative to the repository root, ``/`` between parts; bytes that are not UTF-8
            stand as surrogate escapes.
        size_bytes: Size after the change; 0 when nothing is left.
    """

    path: str
    kind: ChangeKind
    entry: EntryKind = EntryKind.FILE
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class DiffStat:
    """Lines that a proposal adds and removes over all files."""

    added: int
    removed: int


class Purpose(StrEnum):
    """What a run was made for; `DEVICE` to know a trial's value on another device as well."""

    TRIAL = "trial"
    CHECKPOINT = "checkpoint"
    HOLDOUT = "holdout"
    AUDIT = "audit"
    COMPARISON = "comparison"
    DEVICE = "device"


class CheckpointKind(StrEnum):
    """Why the incumbent was measured again."""

    PERIODIC = "periodic"
    FINAL = "final"
    DRIFT = "drift"
    AUDIT = "audit"
    COMPARISON = "comparison"


VALIDATING = (CheckpointKind.PERIODIC, CheckpointKind.FINAL)
"""The kinds that validate or refute; the others only measure or only go back."""


class Validation(StrEnum):
    """What a checkpoint found of the incumbent."""

    VALIDATED = "validated"
    REFUTED = "refuted"
    UNCLEAR = "unclear"
    INTERRUPTED = "interrupted"


class EventKind(StrEnum):
    """What happened beside the trials."""

    STEERED = "steered"
    UNPINNED = "unpinned"
    PAUSED = "paused"
    RESUMED = "resumed"
    STOPPED = "stopped"
    FORGOTTEN = "forgotten"
    DRIFT = "drift"
    DEMOTED = "demoted"
    TROUBLE = "trouble"


class Outcome(StrEnum):
    """How one execution of the measured command ended, before anything is judged."""

    MEASURED = "measured"
    CRASH = "crash"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    TOO_MANY_PROCESSES = "too_many_processes"
    OUT_OF_DISK = "out_of_disk"
    NO_METRIC = "no_metric"
    TAMPERED = "tampered"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of the measured command.

    Attributes:
        metrics: Every finite number that the run reported, last value each; names that begin with
            ``harness.`` are what the harness saw, with ``claimed.`` what a candidate said although
            a scorer decides.
        reason: Why the outcome is what it is, as a sentence.
        duration_s: Wall clock of the harness around the command.
        trust: How far its metrics can be believed.
    """

    outcome: Outcome
    metrics: Mapping[str, float]
    reason: str
    exit_code: int | None
    duration_s: float
    output_bytes: int = 0
    trust: Trust = Trust.OPEN

    @classmethod
    def cut_off(cls, reason: str) -> "Run":
        """A run that says nothing, because something else than the candidate ended it."""
        return cls(Outcome.INTERRUPTED, {}, reason, exit_code=None, duration_s=0.0)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and the sentence that explains it."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class PastTrial:
    """A finished trial as researchers and the brief see it."""

    number: int
    verdict: Verdict
    value: float | None
    title: str
    reason: str
    rationale: str = ""
    details: Mapping[str, JsonValue] = field(default_factory=dict)
    parent_commit: str | None = None
    commit: str | None = None
    finished_at: datetime | None = None
