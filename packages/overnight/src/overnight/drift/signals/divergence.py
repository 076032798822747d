"""A metric that improves while the hold-out does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from overnight.drift.evidence import Evidence, Observed, Symptom
from overnight.drift.facts import TrialFacts
from overnight.drift.signals.common import accepted_gain, ramp, typical_gain
from overnight.drift.view import View

_WORTHWHILE = 0.5
_CLEAR_OF_NOISE = 3.0
_LEAST_WEIGHT, _MOST_WEIGHT = 2.0, 3.0
_LONGEST = 8


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some trials between two measurements of the hold-out.

    Attributes:
        trials: How many.
        gained: What the metric gained in them.
        held: What the hold-out gained in them.
    """

    trials: int
    gained: float
    held: float


def divergence(view: View) -> Observed:
    """Over which stretches the hold-out did not follow the metric.

    A stretch ends at the checkpoint at which the metric has gained half of what is typical for a
    kept trial, and more than noise. It counts for two trials, for three when it has gained more.
    """
    material = max(_WORTHWHILE * typical_gain(view), _CLEAR_OF_NOISE * view.study.noise)
    found = {
        **_stretches(view.early, material),
        **_stretches((*view.before, *view.recent), material),
    }
    symptoms = [
        Symptom(trial, _degree(stretch), _weight(stretch, material))
        for trial in view.judged
        if (stretch := found.get(trial.number)) is not None
    ]
    return Observed(symptoms, lambda evidence: _tell(evidence, view.study.objective.metric, found))


def _tell(evidence: Evidence, metric: str, found: Mapping[int, Stretch]) -> str:
    """The sentence; researchers read it, so the hold-out's numbers stay out."""
    parted = [found[trial.number] for trial in evidence.shown]
    count, gained = sum(each.trials for each in parted), sum(each.gained for each in parted)
    trials = "1 trial" if count == 1 else f"{count} trials"
    return f"in {trials} {metric} gained {gained:.3g}, and the hold-out did not follow"


def _degree(stretch: Stretch) -> float:
    """0 when the hold-out gained half as much as the metric, 1 when it gained nothing."""
    return ramp(-stretch.held / stretch.gained, low=-0.5, high=0.0)


def _weight(stretch: Stretch, material: float) -> float:
    return min(1 + stretch.gained / material, _MOST_WEIGHT) if material else _LEAST_WEIGHT


def _stretches(trials: Sequence[TrialFacts], material: float) -> Mapping[int, Stretch]:
    """By the number of the trial after which the hold-out was measured."""
    found: dict[int, Stretch] = {}
    start: float | None = None
    count, gained = 0, 0.0
    for before, after in pairwise(trials):
        count, gained = count + 1, gained + accepted_gain(after)
        if after.holdout is None or after.holdout == before.holdout:
            continue
        if start is not None and gained > 0 and gained >= material:
            found[after.number] = Stretch(count, gained, after.holdout - start)
        elif start is not None and count < _LONGEST:
            continue
        start, count, gained = after.holdout, 0, 0.0
    return found
