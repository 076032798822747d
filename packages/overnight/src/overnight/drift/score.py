"""From the signals to one score, and whether it says that the night drifts."""

import math
import statistics
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from overnight.brief import quoted
from overnight.drift.evidence import Observed, probability
from overnight.drift.facts import StudyFacts, TrialFacts
from overnight.drift.settings import DriftSettings
from overnight.drift.signals.clutter import clutter
from overnight.drift.signals.divergence import divergence
from overnight.drift.signals.effort import growing_effort
from overnight.drift.signals.outside import outside_activity
from overnight.drift.signals.repetition import repetition
from overnight.drift.signals.rules import broken_rules
from overnight.drift.signals.stall import Stall, stall
from overnight.drift.signals.subject import other_subject
from overnight.drift.signals.target import other_target
from overnight.drift.view import View, look

SIGNALS: Mapping[str, Callable[[View], Observed]] = {
    "rules": broken_rules,
    "target": other_target,
    "subject": other_subject,
    "repetition": repetition,
    "clutter": clutter,
    "divergence": divergence,
    "effort": growing_effort,
    "outside": outside_activity,
}
STALL = "stall"
JUDGE = "judge"
_VOTE_LOG_ODDS = math.log(4)


@dataclass(frozen=True, slots=True)
class Signal:
    """What one signal contributes.

    Attributes:
        value: Between 0 and 1: how probable drift is by this signal alone.
        sentence: What a person sees in the record.
        since: Number of the first trial that it speaks of.
        log_odds: Its evidence.
    """

    name: str
    value: float
    sentence: str
    since: int
    log_odds: float


@dataclass(frozen=True, slots=True)
class Assessment:
    """Whether a night drifts.

    Attributes:
        score: Between 0 and 1: how probable drift is by all signals together.
        threshold: From which score on it is called drift in this study.
        signals: Those that say anything, the strongest first.
    """

    score: float
    threshold: float
    signals: tuple[Signal, ...] = ()

    @property
    def drifting(self) -> bool:
        """Whether the score has reached the threshold."""
        return self.score >= self.threshold


@dataclass(frozen=True, slots=True)
class Vote:
    """What a judge thinks."""

    drifting: bool
    why: str

    @property
    def sentence(self) -> str:
        """The vote, and the judge's own words as a quotation."""
        vote = f"a judge votes that it {'drifts' if self.drifting else 'does not drift'}"
        return f"{vote}: {quoted(self.why)}" if self.why else vote


def assess(
    study: StudyFacts,
    trials: Sequence[TrialFacts],
    settings: DriftSettings,
    *,
    since: int = 0,
    vote: Vote | None = None,
) -> Assessment:
    """Assess a night after its latest trial.

    Args:
        trials: All finished trials without the baseline, oldest first.
        since: Number of the first trial that counts as evidence: after a response, the next one.
        vote: A judge's opinion; it moves the odds by a factor of four at most.
    """
    view = look(study, trials, settings, since=since)
    seen = {name: see(view) for name, see in SIGNALS.items()}
    signals = sorted(_signals(seen, view, settings), key=lambda signal: -signal.log_odds)
    signals += _beside(view, signals, vote)
    return Assessment(
        score=probability(together(signals), prior=settings.prior),
        threshold=_threshold(seen, view, settings),
        signals=tuple(signals),
    )


def together(signals: Collection[Signal]) -> float:
    """The log odds of several signals.

    The strongest counts in full and the others half, because they often speak of the same thing.
    What weighs in beside them counts in full.
    """
    beside = [each.log_odds for each in signals if each.name not in SIGNALS]
    return sum(beside) + _joint([each.log_odds for each in signals if each.name in SIGNALS])


def _joint(log_odds: Sequence[float]) -> float:
    return (max(log_odds, default=0.0) + sum(log_odds)) / 2


def _signals(seen: Mapping[str, Observed], view: View, settings: DriftSettings) -> Iterator[Signal]:
    """The signals that say anything."""
    for name, observed in seen.items():
        evidence = observed.evidence(view.recent, early=view.early)
        if evidence.log_odds:
            yield Signal(
                name,
                value=probability(evidence.log_odds, prior=settings.prior),
                sentence=observed.tell(evidence),
                since=evidence.shown[0].number,
                log_odds=evidence.log_odds,
            )


def _beside(view: View, signals: Sequence[Signal], vote: Vote | None) -> Iterator[Signal]:
    """What only weighs in beside the signals: gains that stopped with the strongest, the judge."""
    stalled = stall(view, since=signals[0].since) if signals else Stall()
    if stalled.log_odds:
        yield Signal(
            STALL,
            value=1 - math.exp(-stalled.log_odds),
            sentence=stalled.sentence,
            since=signals[0].since,
            log_odds=stalled.log_odds,
        )
    if vote is not None and view.recent:
        yield Signal(
            JUDGE,
            value=float(vote.drifting),
            sentence=vote.sentence,
            since=view.recent[-1].number,
            log_odds=_VOTE_LOG_ODDS if vote.drifting else -_VOTE_LOG_ODDS,
        )


def _threshold(seen: Mapping[str, Observed], view: View, settings: DriftSettings) -> float:
    """The score from which on drift is called: higher where the first trials already showed much.

    What drifts must have as much more evidence against it than the median of the first trials as it
    takes in a study that begins without any. Until these are there, the highest threshold holds.
    """
    highest = max(settings.most_threshold, settings.threshold)
    if not view.early:
        return highest
    usual = statistics.median(
        _joint(
            [
                observed.evidence(view.early[: count + 1], early=view.early).log_odds
                for observed in seen.values()
            ]
        )
        for count in range(len(view.early))
    )
    log_odds = usual + math.log(settings.threshold / (1 - settings.threshold))
    learnt = probability(log_odds, prior=0.5)
    return min(learnt, highest)
