"""Proposals that ask again what was answered no."""

from collections.abc import Sequence

from rapidfuzz import fuzz, utils

from overnight.drift.edits import likeness, read_edit
from overnight.drift.evidence import Evidence, Observed, observe
from overnight.drift.facts import TrialFacts
from overnight.drift.signals.common import listed, ramp, share
from overnight.drift.view import View
from overnight.types import Verdict

_ANSWERED_NO = (Verdict.DISCARD, Verdict.DUPLICATE)
_MOST_CHARACTERS = 4_000
_OF_CODE, _OF_TEXT = 0.7, 0.3


def repetition(view: View) -> Observed:
    """How far each trial repeats an earlier one.

    A proposal repeats when its change and its rationale are like those of an earlier one that was
    measured and not kept, and it is not kept either; or when it changes nothing but names, comments
    and layout. What crashed or broke a constraint was never answered: to mend it is honest work.
    """
    remembered = view.remembered
    return observe(
        view.judged,
        lambda trial: _degree(trial, remembered),
        lambda evidence: _tell(evidence, remembered),
    )


def _tell(evidence: Evidence, remembered: Sequence[TrialFacts]) -> str:
    again = []
    for trial in evidence.shown:
        found, earlier = _closest(trial, remembered)
        again.append(f"{trial.number} (as {earlier})" if found else str(trial.number))
    return f"{share(evidence)} ask again what had been answered: {listed(again)}"


def _degree(trial: TrialFacts, remembered: Sequence[TrialFacts]) -> float:
    if trial.verdict is Verdict.DUPLICATE:
        return 1.0
    if trial.verdict not in _ANSWERED_NO:
        return 0.0
    if trial.files and read_edit(trial.files).is_empty:
        return 1.0
    return ramp(_closest(trial, remembered)[0], low=0.6, high=0.9)


def _closest(trial: TrialFacts, remembered: Sequence[TrialFacts]) -> tuple[float, int]:
    """How like the likest earlier trial is, and its number."""
    earlier = (
        each for each in remembered if each.number < trial.number and each.verdict in _ANSWERED_NO
    )
    found = ((_alike(trial, each), each.number) for each in earlier)
    return max(found, default=(0.0, trial.number))


def _alike(one: TrialFacts, other: TrialFacts) -> float:
    code = likeness(read_edit(one.files), read_edit(other.files))
    return _OF_CODE * code + _OF_TEXT * _alike_in_words(one, other) if code else 0.0


def _alike_in_words(one: TrialFacts, other: TrialFacts) -> float:
    texts = [f"{each.title} {each.rationale}"[:_MOST_CHARACTERS] for each in (one, other)]
    return fuzz.token_set_ratio(*texts, processor=utils.default_process) / 100
