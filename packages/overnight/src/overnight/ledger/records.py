"""What the ledger holds, as frozen values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from overnight.types import (
    UNTIMED,
    CheckpointKind,
    EventKind,
    Goal,
    JsonValue,
    Outcome,
    PastTrial,
    Phases,
    Purpose,
    State,
    Trust,
    Usage,
    Validation,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class StudyRecord:
    """What a ledger was made for; none of it may change later."""

    id: str
    name: str
    metric: str
    goal: Goal
    baseline_commit: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NightRecord:
    """One budget's worth of work.

    Attributes:
        arm: The arm of a comparison that it belongs to; None for the study's own.
    """

    number: int
    started_at: datetime
    ended_at: datetime | None
    end_reason: str | None
    arm: int | None = None


@dataclass(frozen=True, slots=True)
class ComparisonRecord:
    """Arms that run against each other.

    Attributes:
        settings: How: schedule, seed, each arm's budget, runs at the end.
        ended_at: When its last measurement was made; None while it can be gone on with.
    """

    id: int
    started_at: datetime
    ended_at: datetime | None
    settings: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class NewArm:
    """An arm that a comparison begins with.

    Attributes:
        repeat: Which of the arm's nights, from 1.
        settings: What its researcher is, as the study file would say it.
    """

    name: str
    repeat: int
    settings: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class ArmRecord:
    """One researcher set-up in a comparison, in one of its nights.

    Attributes:
        repeat: Which of the arm's nights, from 1.
        branch: Its branch below ``overnight/``.
        settings: Kind, model and options of its researcher.
    """

    id: int
    comparison: int
    name: str
    repeat: int
    branch: str
    settings: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One process's stretch of work on a night.

    Attributes:
        active_s: How long it was at work, as far as it told.
    """

    night: int
    started_at: datetime
    ended_at: datetime | None
    active_s: float


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One trial; number 0 is the baseline.

    Attributes:
        value: The objective as judged; None when there is none.
        to_beat: The incumbent's value that it was judged against.
        demoted_after: The latest trial when a checkpoint found that this keep does not hold.
        phases: Where its time went; not known of one that was cut off and gone on with.
    """

    number: int
    night: int
    state: State
    researcher: str
    model: str | None
    parent_commit: str
    created_at: datetime
    verdict: Verdict | None = None
    reason: str = ""
    commit: str | None = None
    tree: str | None = None
    title: str = ""
    rationale: str = ""
    details: Mapping[str, JsonValue] = field(default_factory=dict)
    lines_added: int | None = None
    lines_removed: int | None = None
    value: float | None = None
    to_beat: float | None = None
    demoted_after: int | None = None
    target: str = ""
    proposed_at: datetime | None = None
    finished_at: datetime | None = None
    phases: Phases = UNTIMED

    @property
    def is_baseline(self) -> bool:
        """Whether this is the unmodified start."""
        return self.number == 0

    def past(self) -> PastTrial:
        """This trial as researchers see it: one that was taken back helped nothing."""
        if self.verdict is None:
            raise ValueError(f"trial {self.number} is not finished")
        stands = self.demoted_after is None
        return PastTrial(
            number=self.number,
            verdict=self.verdict if stands else Verdict.DISCARD,
            value=self.value if stands else None,
            title=self.title,
            reason=self.reason if stands else "It was kept at first and taken back later.",
            rationale=self.rationale,
            details=self.details,
            parent_commit=self.parent_commit,
            commit=self.commit,
            finished_at=self.finished_at,
        )


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One execution of the measured command; `outcome` is None while it is under way.

    Attributes:
        device: What it ran on; None outside of comparisons on several devices.
        block: Of a comparison's last measurement, from 0.
    """

    id: int
    trial: int
    ordinal: int
    started_at: datetime
    outcome: Outcome | None
    reason: str
    exit_code: int | None
    duration_s: float | None
    output_bytes: int | None
    metrics: Mapping[str, float]
    trust: Trust = Trust.OPEN
    purpose: Purpose = Purpose.TRIAL
    checkpoint: int | None = None
    device: str | None = None
    block: int | None = None


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """One re-validation; `outcome` is None while it is under way.

    Attributes:
        after_trial: The latest trial when it began.
        incumbent: The trial that it measured again.
        culprit: The keep that was found at fault.
        branch_from: The commit from which the study's branch is being moved back, until it is.
        facts: Its numbers.
    """

    id: int
    night: int | None
    kind: CheckpointKind
    after_trial: int
    incumbent: int
    started_at: datetime
    finished_at: datetime | None
    outcome: Validation | None
    reason: str
    culprit: int | None
    branch_from: str | None
    facts: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class DriftRecord:
    """What was seen of drift after one trial, and what was done about it."""

    trial: int
    score: float
    threshold: float
    drifting: bool
    signals: Sequence[Mapping[str, JsonValue]]
    response: str | None = None


@dataclass(frozen=True, slots=True)
class EventRecord:
    """Something that happened beside the trials."""

    id: int
    at: datetime
    night: int | None
    trial: int | None
    kind: EventKind
    text: str
    details: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of a researcher; `outcome` is ``proposal`` or the kind of its failure.

    Attributes:
        commands: What the agent says it ran.
        refused: What its sandbox did not let it do.
    """

    outcome: str
    message: str
    started_at: datetime
    duration_s: float
    usage: Usage
    commands: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spent:
    """What a night has used of its budget.

    Attributes:
        trials: Trials with a verdict on an idea; interrupted ones do not count.
        device_s: How long the measured command ran for them.
        unpriced_calls: Calls that used tokens of unknown price.
    """

    trials: int = 0
    active_s: float = 0.0
    device_s: float = 0.0
    agent_tokens: int = 0
    money_usd: float = 0.0
    unpriced_calls: int = 0
