"""Proposals that leave the scope, break a constraint, or tamper with the measurement."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from overnight.drift.evidence import Evidence, Observed, observe
from overnight.drift.facts import StudyFacts, TrialFacts
from overnight.drift.signals.common import listed, share
from overnight.drift.view import View
from overnight.types import Constraint, Verdict

_BROKEN = {
    Verdict.OUT_OF_SCOPE: "left the scope",
    Verdict.TAMPERED: "tampered with the measurement",
    Verdict.VIOLATION: "broke a constraint",
}
_SAME = 0.01


def broken_rules(view: View) -> Observed:
    """Which trials broke a rule.

    A proposal that breaks a bound by no more than the incumbent comes near it does not count: the
    incumbent stands at the limit, and noise does the rest.
    """
    incumbent = dict(_incumbents(view.remembered))
    return observe(
        view.judged,
        lambda trial: _degree(trial, view.study, incumbent[trial.number]),
        partial(_tell, view.study),
    )


def _tell(study: StudyFacts, evidence: Evidence) -> str:
    ways = Counter(way for trial in evidence.shown for way in _ways(study, trial))
    return f"{share(evidence)} {listed([way for way, _ in ways.most_common()])}"


def _degree(trial: TrialFacts, study: StudyFacts, incumbent: Mapping[str, float]) -> float:
    if trial.verdict not in _BROKEN:
        return 0.0
    broken = list(_broken(study, trial))
    if trial.verdict is Verdict.VIOLATION and broken:
        return float(not all(_stood_there(each, trial, incumbent) for each in broken))
    return 1.0


def _stood_there(constraint: Constraint, trial: TrialFacts, incumbent: Mapping[str, float]) -> bool:
    """Whether the incumbent's value is the same, but for a hundredth of the bound."""
    before = incumbent.get(constraint.metric)
    if before is None:
        return False
    return abs(trial.metrics[constraint.metric] - before) <= _SAME * abs(constraint.bound)


def _incumbents(trials: Sequence[TrialFacts]) -> Iterator[tuple[int, Mapping[str, float]]]:
    """What the incumbent had reported when each trial was made; nothing where that is unknown."""
    metrics: Mapping[str, float] = {}
    for trial in trials:
        yield trial.number, metrics
        if trial.verdict is Verdict.KEEP:
            metrics = trial.metrics


def _broken(study: StudyFacts, trial: TrialFacts) -> Iterator[Constraint]:
    for constraint in study.objective.constraints:
        value = trial.metrics.get(constraint.metric)
        if value is not None and not constraint.holds(value):
            yield constraint


def _ways(study: StudyFacts, trial: TrialFacts) -> Iterator[str]:
    broken = [f"broke {constraint}" for constraint in _broken(study, trial)]
    if trial.verdict is Verdict.VIOLATION and broken:
        yield from broken
    else:
        yield _BROKEN[trial.verdict]
