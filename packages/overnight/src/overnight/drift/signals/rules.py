"""Proposals that leave the scope, break a constraint, or tamper with the measurement."""

from collections import Counter
from collections.abc import Iterator
from functools import partial

from overnight.drift.evidence import Evidence, Observed, observe
from overnight.drift.facts import StudyFacts, TrialFacts
from overnight.drift.signals.common import listed, share
from overnight.drift.view import View
from overnight.types import Verdict

_BROKEN = {
    Verdict.OUT_OF_SCOPE: "left the scope",
    Verdict.TAMPERED: "tampered with the measurement",
    Verdict.VIOLATION: "broke a constraint",
}


def broken_rules(view: View) -> Observed:
    """Which trials broke a rule."""
    return observe(
        view.judged, lambda trial: float(trial.verdict in _BROKEN), partial(_tell, view.study)
    )


def _tell(study: StudyFacts, evidence: Evidence) -> str:
    ways = Counter(way for trial in evidence.shown for way in _ways(study, trial))
    return f"{share(evidence)} {listed([way for way, _ in ways.most_common()])}"


def _ways(study: StudyFacts, trial: TrialFacts) -> Iterator[str]:
    broken = [
        f"broke {constraint}"
        for constraint in study.objective.constraints
        if (value := trial.metrics.get(constraint.metric)) is not None
        and not constraint.holds(value)
    ]
    if trial.verdict is Verdict.VIOLATION and broken:
        yield from broken
    else:
        yield _BROKEN[trial.verdict]
