"""From how strongly single trials show a symptom to how much that says about drift.

Each signal gives every trial a degree between 0 (nothing) and 1 (the full symptom). Two accounts
of the degrees compete: the researcher shows the symptom as often as it did in the study's first
trials, or it began to show it in most trials at some moment. The logarithm of the likelihood ratio
of the two, summed from the best such moment on, is the evidence (Page's sequential test). One odd
trial is worth little whatever its size, and signals add up, because logarithms do.

Source: E. S. Page, Continuous Inspection Schemes, Biometrika 41 (1954).
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from overnight.drift.facts import TrialFacts

_DRIFTING_RATE = 0.8
_USUAL_RATE = 0.1
_USUAL_WEIGHT = 10.0
_LEAST_RATE, _MOST_RATE = 0.1, 0.5


@dataclass(frozen=True, slots=True)
class Symptom:
    """One trial as one signal sees it.

    Attributes:
        degree: Between 0 and 1.
        weight: How many trials' worth it counts.
    """

    trial: TrialFacts
    degree: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a signal has against the researcher.

    Attributes:
        log_odds: Never negative: good behaviour in one respect excuses nothing in another.
        symptoms: From the moment on that the evidence counts from, oldest first.
        shown: Those trials of them that speak for drift; there is one if there is evidence.
    """

    log_odds: float = 0.0
    symptoms: tuple[Symptom, ...] = ()
    shown: tuple[TrialFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    """What a signal sees in a view.

    Attributes:
        symptoms: Of the first trials and the recent ones; those that cannot tell are missing.
        tell: Words evidence for a person; called with evidence that shows something.
    """

    symptoms: Sequence[Symptom] = ()
    tell: Callable[[Evidence], str] = lambda _: ""

    def evidence(self, trials: Sequence[TrialFacts], *, early: Sequence[TrialFacts]) -> Evidence:
        """The evidence of some trials, from the moment on that makes it greatest.

        Args:
            trials: Those that count, oldest first.
            early: The study's first trials, which tell how usual the symptom is.
        """
        usual = _usual_rate([symptom.degree for symptom in self._of(early)])
        symptoms = self._of(trials)
        ratios = [each.weight * _log_ratio(each.degree, usual) for each in symptoms]
        sums = list(accumulate(reversed(ratios)))
        log_odds = max(sums, default=0.0)
        if log_odds <= 0:
            return Evidence()
        start = len(symptoms) - 1 - sums.index(log_odds)
        shown = [each.trial for each, ratio in zip(symptoms, ratios, strict=True) if ratio > 0]
        return Evidence(
            log_odds,
            tuple(symptoms[start:]),
            tuple(trial for trial in shown if trial.number >= symptoms[start].trial.number),
        )

    def _of(self, trials: Sequence[TrialFacts]) -> list[Symptom]:
        numbers = {trial.number for trial in trials}
        return [symptom for symptom in self.symptoms if symptom.trial.number in numbers]


def observe(
    trials: Iterable[TrialFacts],
    degree: Callable[[TrialFacts], float | None],
    tell: Callable[[Evidence], str],
) -> Observed:
    """Look at each trial for itself.

    Args:
        degree: How strongly a trial shows the symptom; None for one that cannot tell.
    """
    found = ((trial, degree(trial)) for trial in trials)
    return Observed([Symptom(trial, shown) for trial, shown in found if shown is not None], tell)


def _usual_rate(degrees: Sequence[float]) -> float:
    """How often the symptom shows without drift.

    Few trials say little, so the rate is drawn towards a default that counts as ten trials.
    """
    mean = (_USUAL_RATE * _USUAL_WEIGHT + sum(degrees)) / (_USUAL_WEIGHT + len(degrees))
    return min(max(mean, _LEAST_RATE), _MOST_RATE)


def _log_ratio(degree: float, usual: float) -> float:
    shown = math.log(_DRIFTING_RATE / usual)
    absent = math.log((1 - _DRIFTING_RATE) / (1 - usual))
    return degree * shown + (1 - degree) * absent


def probability(log_odds: float, *, prior: float) -> float:
    """How probable drift is after some evidence, without overflow."""
    odds = log_odds + math.log(prior / (1 - prior))
    return 1 / (1 + math.exp(-odds)) if odds > -700 else 0.0
