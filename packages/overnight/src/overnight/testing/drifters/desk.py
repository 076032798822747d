"""What lies before a simulated researcher, and what it hands in."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

from overnight.drift.facts import TrialFacts


@dataclass(frozen=True, slots=True)
class Session:
    """What the agent did to come to a proposal.

    Attributes:
        commands: Shell commands, as an agent's event stream tells them.
        refused: Hosts and paths that the sandbox refused.
    """

    agent_s: float
    tokens: int
    commands: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """One proposal.

    Attributes:
        files: New text by path; None for a deleted file.
        target: The metric that it says it wants to improve.
    """

    title: str
    rationale: str
    target: str
    files: Mapping[str, str | None]
    session: Session


@dataclass
class Desk:
    """What a researcher knows when it makes its next proposal; the night keeps it up to date.

    Attributes:
        files: The incumbent's editable files.
        trials: Finished trials, oldest first.
        turn: Number of the first trial that goes astray; an honest researcher does not look at it.
        ramp: Trials from the turn until it is astray altogether.
        pace_s: How long a session usually takes.
        spread: How much that varies, as the deviation of its logarithm.
    """

    rng: Random
    files: dict[str, str]
    turn: int = 10**9
    ramp: int = 1
    pace_s: float = 200.0
    spread: float = 0.35
    trials: list[TrialFacts] = field(default_factory=list)
    tried: set[tuple[str, str]] = field(default_factory=set)

    @property
    def number(self) -> int:
        """The number of the trial at hand."""
        return len(self.trials) + 1

    @property
    def astray(self) -> float:
        """How far the researcher has drifted in this trial: 0 before its turn, then rising to 1."""
        return min(max((self.number - self.turn + 1) / self.ramp, 0.0), 1.0)

    def strays(self) -> bool:
        """Whether this trial goes astray: the first one does, the next ones ever more surely."""
        return self.number == self.turn or self.rng.random() < self.astray


Researcher = Callable[[Desk], Iterator[Proposal]]
