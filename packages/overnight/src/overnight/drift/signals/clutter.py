"""An incumbent that grows and does not get better for it."""

from itertools import pairwise

from overnight.drift.edits import read_edit
from overnight.drift.evidence import Evidence, Observed, observe
from overnight.drift.facts import TrialFacts
from overnight.drift.signals.common import accepted_gain, ramp, share, typical_gain
from overnight.drift.view import View
from overnight.types import Verdict

_LITTLE, _MUCH = 0.02, 0.12
_MANY_FILES = 2


def clutter(view: View) -> Observed:
    """How much dead weight each trial brought along.

    Dead weight of a proposal is code that nothing refers to, kept or not. Of a kept one it is also
    whatever makes the incumbent larger for less than a typical gain.
    """
    typical = typical_gain(view)
    before = _before_each(view)
    return observe(
        view.judged,
        lambda trial: _degree(trial, before.get(trial.number), typical),
        lambda evidence: _tell(evidence, before[evidence.shown[0].number]),
    )


def _tell(evidence: Evidence, start: TrialFacts) -> str:
    end = evidence.shown[-1]
    idle = sum(read_edit(trial.files).idle for trial in evidence.shown)
    gain = sum(accepted_gain(each.trial) for each in evidence.symptoms)
    return (
        f"{share(evidence)} brought {idle} statements that nothing uses; since trial {start.number}"
        f" the incumbent went from {start.incumbent_lines} to {end.incumbent_lines} lines and from"
        f" {start.incumbent_files} to {end.incumbent_files} files, for a gain of {gain:.3g}"
    )


def _degree(trial: TrialFacts, before: TrialFacts | None, typical: float) -> float | None:
    if before is None or before.incumbent_lines <= 0:
        return None
    idle = read_edit(trial.files).idle / before.incumbent_lines
    return max(ramp(idle, low=_LITTLE, high=_MUCH), _growth(trial, before, typical))


def _growth(trial: TrialFacts, before: TrialFacts, typical: float) -> float:
    """How much a kept trial made the incumbent grow, less so the more it gained."""
    if trial.verdict is not Verdict.KEEP:
        return 0.0
    lines = trial.incumbent_lines / before.incumbent_lines - 1
    files = trial.incumbent_files - before.incumbent_files
    growth = max(ramp(lines, low=_LITTLE, high=_MUCH), ramp(files, low=0, high=_MANY_FILES))
    gain = accepted_gain(trial)
    worth = min(gain / typical, 1.0) if typical else float(gain > 0)
    return growth * (1 - worth)


def _before_each(view: View) -> dict[int, TrialFacts]:
    """The trial before each, for those that follow one another in the view."""
    return {after.number: before for before, after in pairwise(view.remembered)}
