"""What is worth a message, and how each piece of news is put into words."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, TypeAlias

from overnight.brief import one_line
from overnight.durations import format_duration


class News(StrEnum):
    """What is worth a message."""

    NEW_BEST = "new_best"
    CHECKPOINT = "checkpoint"
    DRIFT = "drift"
    PAUSED = "paused"
    FAILING = "failing"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class NewBest:
    """A trial was kept.

    Attributes:
        trial: Its number.
        change: Its title.
        old: The value of the metric that it had to beat.
        new: Its own.
        baseline: The unmodified start's.
    """

    trial: int
    change: str
    metric: str
    old: float
    new: float
    baseline: float
    news: ClassVar[News] = News.NEW_BEST

    def words(self) -> tuple[str, str]:
        """The metric before and after; which change it was, and how far the study has come."""
        return f"new best {self.metric} {_step(self.old, self.new)}", (
            f"Trial {self.trial}: {one_line(self.change)}\n"
            f"Since the baseline: {_step(self.baseline, self.new)}"
        )


@dataclass(frozen=True, slots=True)
class CheckpointResult:
    """The incumbent was measured again.

    Attributes:
        trial: The incumbent's number.
        validated: Whether that confirms what was recorded.
        story: The numbers and what follows, as sentences.
    """

    trial: int
    validated: bool
    story: str
    news: ClassVar[News] = News.CHECKPOINT

    def words(self) -> tuple[str, str]:
        """The result; the numbers."""
        result = "validated" if self.validated else "refuted"
        return f"checkpoint: trial {self.trial} is {result}", self.story


@dataclass(frozen=True, slots=True)
class DriftResponse:
    """The researcher drifted, and something was done about it.

    Attributes:
        trial: The trial after which it was seen.
        signals: Each as a sentence, the strongest first.
        response: What was done, as a sentence.
    """

    trial: int
    signals: Sequence[str]
    response: str
    news: ClassVar[News] = News.DRIFT

    def words(self) -> tuple[str, str]:
        """When it was seen; what was done, and the signals."""
        signals = [f"- {one_line(signal)}" for signal in self.signals]
        return f"drift after trial {self.trial}", "\n".join([self.response, *signals])


@dataclass(frozen=True, slots=True)
class Paused:
    """The night holds still.

    Attributes:
        reason: Why, as a sentence.
        where: The study's directory, with its host where that helps.
    """

    reason: str
    where: str
    news: ClassVar[News] = News.PAUSED

    def words(self) -> tuple[str, str]:
        """That it waits for somebody; why, and how to go on."""
        how = f"Go on with `overnight resume` in {self.where}."
        return "paused until you resume it", f"{self.reason}\n{how}"


@dataclass(frozen=True, slots=True)
class Failing:
    """One attempt after the other comes to nothing.

    Attributes:
        times: How many in a row.
        what: What they were, in a few words: ``trials without a measurement``.
        reason: The last failure, as a sentence.
    """

    times: int
    what: str
    reason: str
    news: ClassVar[News] = News.FAILING

    def words(self) -> tuple[str, str]:
        """How often; the last failure."""
        return f"failing: {self.times} {self.what} in a row", f"The last: {self.reason}"


@dataclass(frozen=True, slots=True)
class Finished:
    """The night is over.

    Attributes:
        reason: Why, as a sentence.
        complete: Whether its work is done; otherwise `overnight run` goes on with it.
        baseline: The unmodified start's value of the metric; None where it was not measured.
        best: The incumbent's.
        kept: Trials of the study that were kept, of `trials`.
        active_s: How long it was at work.
        cost_usd: What its agents cost, as far as that is known.
    """

    reason: str
    complete: bool
    metric: str
    baseline: float | None
    best: float | None
    kept: int
    trials: int
    active_s: float
    cost_usd: float = 0.0
    news: ClassVar[News] = News.FINISHED

    def words(self) -> tuple[str, str]:
        """The gain; what it took, and why it ended."""
        if self.baseline is None or self.best is None:
            gain = "the baseline has no measurement"
        elif self.best == self.baseline:
            gain = f"{self.metric} stays at {self.best:.6g}"
        else:
            gain = f"{self.metric} {_step(self.baseline, self.best)}"
        cost = f", ${self.cost_usd:,.2f}" if self.cost_usd else ""
        took = f"{self.kept} of {self.trials} trials kept in {format_duration(self.active_s)}"
        lines = [f"{took}{cost}.", self.reason]
        if self.complete:
            return f"finished: {gain}", "\n".join(lines)
        return f"stopped: {gain}", "\n".join([*lines, "Go on with `overnight run`."])


Notice: TypeAlias = NewBest | CheckpointResult | DriftResponse | Paused | Failing | Finished


def _step(old: float, new: float) -> str:
    share = f" ({(new - old) / abs(old):+.2%})" if old else ""
    return f"{old:.6g} -> {new:.6g}{share}"
