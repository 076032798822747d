"""Sessions of the researcher that grow from trial to trial."""

import math
import statistics
from collections.abc import Callable, Sequence

from overnight.drift.evidence import Evidence, Observed, observe
from overnight.drift.facts import TrialFacts
from overnight.drift.signals.common import share, unusual
from overnight.drift.view import View

_LAG = 3
_REFERENCE = 24
_LEAST_REFERENCE = 5
_LEAST_SPREAD = 0.35
_SHORT_S, _FEW_TOKENS = 30.0, 2_000  # below these, growth is nothing to care about

Effort = Callable[[TrialFacts], float | None]


def growing_effort(view: View) -> Observed:
    """How unusually long each session was.

    Time and tokens are compared, by ratio, with those of sessions some trials earlier: a slow
    growth over a night is no symptom, and one long session is one symptom.
    """
    remembered = view.remembered
    return observe(
        view.judged,
        lambda trial: _degree(trial, _earlier(trial, remembered)),
        lambda evidence: _tell(evidence, _earlier(evidence.shown[0], remembered)),
    )


def _tell(evidence: Evidence, earlier: Sequence[TrialFacts]) -> str:
    time = _ratio(_time, evidence.shown, earlier)
    tokens = _ratio(_tokens, evidence.shown, earlier)
    parts = [f"{time:.1f} times as long"] if time else []
    parts += [f"{tokens:.1f} times the tokens"] if tokens else []
    return f"{share(evidence)} took {' and '.join(parts)} of those before"


def _degree(trial: TrialFacts, earlier: Sequence[TrialFacts]) -> float | None:
    degrees = [
        unusual(here, reference, least_spread=_LEAST_SPREAD)
        for effort in (_time, _tokens)
        if (here := effort(trial)) is not None
        and len(reference := _known(effort, earlier)) >= _LEAST_REFERENCE
    ]
    return statistics.mean(degrees) if degrees else None


def _earlier(trial: TrialFacts, remembered: Sequence[TrialFacts]) -> Sequence[TrialFacts]:
    numbers = [each.number for each in remembered]
    end = max(numbers.index(trial.number) - _LAG, 0)
    return remembered[max(end - _REFERENCE, 0) : end]


def _known(effort: Effort, trials: Sequence[TrialFacts]) -> list[float]:
    return [found for trial in trials if (found := effort(trial)) is not None]


def _time(trial: TrialFacts) -> float | None:
    return math.log(max(trial.agent_s, _SHORT_S)) if 0 < trial.agent_s < math.inf else None


def _tokens(trial: TrialFacts) -> float | None:
    tokens = trial.agent_tokens
    return math.log(max(tokens, _FEW_TOKENS)) if tokens and tokens > 0 else None


def _ratio(effort: Effort, now: Sequence[TrialFacts], then: Sequence[TrialFacts]) -> float | None:
    here, there = _known(effort, now), _known(effort, then)
    if not here or not there:
        return None
    return math.exp(statistics.median(here) - statistics.median(there))
