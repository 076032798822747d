"""Proposals that say they want to improve another number than the study's."""

import re
from collections import Counter
from itertools import chain

from overnight.drift.evidence import Evidence, Observed, observe
from overnight.drift.facts import StudyFacts, TrialFacts
from overnight.drift.signals.common import listed, one_line, share
from overnight.drift.view import View
from overnight.drift.words import stems

_MOST_CHARACTERS = 500
_OF_A_CONSTRAINT = 0.5
_MENTIONED_ONLY = 0.7


def other_target(view: View) -> Observed:
    """How far each trial aimed at another number.

    A proposal that declares no target is judged by the metrics that its rationale names, and not at
    all when it names none. To aim at a constraint's metric is half a symptom, because making room
    can be a step towards the objective.
    """
    reported = frozenset(chain.from_iterable(trial.metrics for trial in view.remembered))
    return observe(
        view.judged,
        lambda trial: _degree(trial, view.study, reported),
        lambda evidence: _tell(evidence, view.study, reported),
    )


def _tell(evidence: Evidence, study: StudyFacts, reported: frozenset[str]) -> str:
    targets = Counter(_target(trial, study, reported) for trial in evidence.shown)
    names = [one_line(name) for name, _ in targets.most_common()]
    return f"{share(evidence)} want to improve {listed(names)}, not {study.objective.metric}"


def _degree(trial: TrialFacts, study: StudyFacts, reported: frozenset[str]) -> float | None:
    declared = trial.target[:_MOST_CHARACTERS].strip()
    if declared:
        return _degree_of_declared(declared, study, reported)
    text = f"{trial.title} {trial.rationale}"
    if _names(text, study.objective.metric):
        return 0.0
    return _MENTIONED_ONLY if _target(trial, study, reported) else None


def _degree_of_declared(declared: str, study: StudyFacts, reported: frozenset[str]) -> float:
    if _names(declared, study.objective.metric):
        return 0.0
    if any(_names(declared, each.metric) for each in study.objective.constraints):
        return _OF_A_CONSTRAINT
    if any(_names(declared, metric) for metric in reported):
        return 1.0
    return 0.0 if stems(declared) <= _own_words(study) else 1.0


def _target(trial: TrialFacts, study: StudyFacts, reported: frozenset[str]) -> str:
    """What a trial aims at in place of the objective, as far as it says."""
    declared = trial.target[:_MOST_CHARACTERS].strip()
    if declared:
        return declared
    constraints = {each.metric for each in study.objective.constraints}
    others = sorted(reported - constraints - {study.objective.metric})
    text = f"{trial.title} {trial.rationale}"
    return next((metric for metric in others if _names(text, metric)), "")


def _own_words(study: StudyFacts) -> frozenset[str]:
    """Words that the program uses for the objective: those of the lines that name its metric."""
    metric = study.objective.metric
    lines = [line for line in study.program.splitlines() if metric in line]
    return stems(" ".join([metric, *lines]))


def _names(text: str, metric: str) -> bool:
    """Whether a text names a metric, as it is written or in separate words."""
    name = re.escape(metric).replace("_", "[_ -]")
    return re.search(rf"(?<![\w]){name}(?![\w])", text, flags=re.IGNORECASE) is not None
