"""What a comparison is judged by: values that the caller fills from its record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from overnight.drift.facts import FileChange
from overnight.types import UNTIMED, Goal, Phases, Verdict


@dataclass(frozen=True, slots=True)
class ArmTrial:
    """One turn of an arm; the baseline is none. What is not known is None, never 0.

    Attributes:
        verdict: `INTERRUPTED` for a turn that came to no proposal.
        value: The objective as it was measured then.
        gain: Over the value that it had to beat, in the metric's unit; positive is better.
        kept: Whether it was kept and still stands.
        repeat: Which night of the arm, from 1.
        device_s: How long it held the device.
        agent_s: How long the researcher took.
        wall_s: From the beginning of the turn to its end.
        tokens: What the researcher's model used; 0 for one without a model.
        cost_usd: Likewise in money.
        files: What it changes.
        device: What it was measured on.
    """

    number: int
    verdict: Verdict
    title: str = ""
    rationale: str = ""
    value: float | None = None
    gain: float | None = None
    kept: bool = False
    repeat: int = 1
    device_s: float | None = None
    agent_s: float | None = None
    wall_s: float | None = None
    tokens: int | None = None
    cost_usd: float | None = None
    phases: Phases = UNTIMED
    finished_at: datetime | None = None
    files: tuple[FileChange, ...] = ()
    device: str | None = None

    @property
    def is_proposal(self) -> bool:
        """Whether an idea came of the turn."""
        return self.verdict is not Verdict.INTERRUPTED


@dataclass(frozen=True, slots=True)
class Rerun:
    """One run of the final re-measurement.

    Attributes:
        block: Every result and the baseline are measured once in each block, in random order.
        value: The objective; None for a run that failed.
        repeat: Which night's result it is, from 1.
    """

    block: int
    value: float | None
    repeat: int = 1


@dataclass(frozen=True, slots=True)
class ArmRecord:
    """What one arm did, over all of its nights.

    Attributes:
        reruns: Its nights' results, measured again.
        starts: The baseline as it was measured when each night began, by `repeat`.
        setup: What works in it. Arms of one setup compare it with itself; an empty one is like no
            other arm's.
    """

    name: str
    trials: tuple[ArmTrial, ...] = ()
    reruns: tuple[Rerun, ...] = ()
    starts: Mapping[int, float] = field(default_factory=dict)
    setup: str = ""

    @property
    def proposals(self) -> list[ArmTrial]:
        """The turns that came to a proposal."""
        return [trial for trial in self.trials if trial.is_proposal]

    @property
    def repeats(self) -> list[int]:
        """Its nights."""
        of_trials = {trial.repeat for trial in self.trials}
        return sorted(of_trials | {rerun.repeat for rerun in self.reruns} | set(self.starts))


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """A device that arms had turns on.

    Attributes:
        baseline: What the unchanged start has measured there, run by run.
    """

    name: str
    baseline: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Pricing:
    """Calls of researchers whose money one price list says.

    Attributes:
        by: Which one, such as ``genai-prices 0.2.3``; None where that was not recorded.
        first: The day of the first call, in UTC.
        last: Of the last one.
    """

    by: str | None
    calls: int
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Contest:
    """Everything that a comparison looks at.

    Attributes:
        prices: Where the money comes from; empty where no call has a price.
        devices: What arms ran on, where that is recorded.
        baseline: The shared start, measured again in the same blocks as the arms' results.
        calibration: Further arms, such as of a researcher against itself, that only say how far
            nights of one setup differ.
    """

    metric: str
    goal: Goal
    arms: tuple[ArmRecord, ...]
    baseline: tuple[Rerun, ...] = ()
    calibration: tuple[ArmRecord, ...] = ()
    prices: tuple[Pricing, ...] = ()
    devices: tuple[DeviceRecord, ...] = ()
