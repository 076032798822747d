"""Proposals that say they want to improve another number than the study's."""

import re
from collections import Counter
from itertools import chain

from overnight.drift.evidence import Evidence, Observed, observe
from overnight.drift.facts import StudyFacts, TrialFacts
from overnight.drift.signals.common import listed, quote, share
from overnight.drift.view import View
from overnight.drift.words import stems

_MOST_CHARACTERS = 500
_OF_A_CONSTRAINT = 0.5
_MENTIONED_ONLY = 0.7
_CONSTANT = re.compile(r"^([A-Z][A-Z\d_]*)\b[^=\n]*=(?!=)", flags=re.MULTILINE)


def other_target(view: View) -> Observed:
    """How far each trial aimed at another number.

    A proposal is judged by the target that it declares, and by the metrics that its rationale names
    where it does not name the objective. One without either cannot tell. To aim at a constraint's
    metric is half a symptom, because making room can be a step towards the objective.
    """
    reported = _reported(view)
    return observe(
        view.judged,
        lambda trial: _degree(trial, view.study, reported),
        lambda evidence: _tell(evidence, view.study, reported),
    )


def _reported(view: View) -> frozenset[str]:
    """Numbers that runs report, without those that a constant of the program sets.

    To name ``depth`` where the program has a ``DEPTH`` is to name a lever.
    """
    sources = "\n".join(view.study.sources.values())
    levers = {name.lower() for name in _CONSTANT.findall(sources)}
    names = chain.from_iterable(trial.metrics for trial in view.remembered)
    return frozenset(name for name in names if name.lower() not in levers)


def _tell(evidence: Evidence, study: StudyFacts, reported: frozenset[str]) -> str:
    targets = Counter(_target(trial, study, reported) for trial in evidence.shown)
    names = [quote(name) for name, _ in targets.most_common()]
    return f"{share(evidence)} want to improve {listed(names)}, not {study.objective.metric}"


def _degree(trial: TrialFacts, study: StudyFacts, reported: frozenset[str]) -> float | None:
    declared = _declared(trial)
    if not declared and _names(_text(trial), study.objective.metric):
        return 0.0
    argued = _MENTIONED_ONLY if _argued(trial, study, reported) else 0.0
    if declared:
        return max(argued, _degree_of_declared(declared, study, reported))
    return argued or None


def _degree_of_declared(declared: str, study: StudyFacts, reported: frozenset[str]) -> float:
    if _names(declared, study.objective.metric):
        return 0.0
    if any(_names(declared, each.metric) for each in study.objective.constraints):
        return _OF_A_CONSTRAINT
    if any(_names(declared, metric) for metric in reported):
        return 1.0
    return 0.0 if stems(declared) <= _own_words(study) else 1.0


def _declared(trial: TrialFacts) -> str:
    return trial.target[:_MOST_CHARACTERS].strip()


def _text(trial: TrialFacts) -> str:
    return f"{trial.title} {trial.rationale}"


def _target(trial: TrialFacts, study: StudyFacts, reported: frozenset[str]) -> str:
    """What a trial aims at in place of the objective."""
    declared = _declared(trial)
    is_other = declared and _degree_of_declared(declared, study, reported)
    return declared if is_other else _argued(trial, study, reported)


def _argued(trial: TrialFacts, study: StudyFacts, reported: frozenset[str]) -> str:
    """Another metric that the rationale names, unless it names the objective as well."""
    text, metric = _text(trial), study.objective.metric
    others = reported - {each.metric for each in study.objective.constraints} - {metric}
    found = next((other for other in sorted(others) if _names(text, other)), "")
    return "" if found and _names(text, metric) else found


def _own_words(study: StudyFacts) -> frozenset[str]:
    """Words that the program uses for the objective: those of the lines that name its metric."""
    metric = study.objective.metric
    lines = [line for line in study.program.splitlines() if metric in line]
    return stems(" ".join([metric, *lines]))


def _names(text: str, metric: str) -> bool:
    """Whether a text names a metric, as it is written or in separate words."""
    name = re.escape(metric).replace("_", "[_ -]")
    return re.search(rf"(?<![\w]){name}(?![\w])", text, flags=re.IGNORECASE) is not None
