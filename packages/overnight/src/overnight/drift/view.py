"""The bounded part of a night that the signals look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from overnight.drift.facts import StudyFacts, TrialFacts
from overnight.drift.settings import DriftSettings
from overnight.types import Verdict

_SAYS_NOTHING = (Verdict.INTERRUPTED, Verdict.STALE)


@dataclass(frozen=True, slots=True)
class View:
    """A study and some of its trials, oldest first.

    Attributes:
        early: The first trials, which tell what is usual here; empty until there are enough.
        before: What came right before the recent trials, as far as it is remembered.
        recent: The trials that count as evidence.
    """

    study: StudyFacts
    early: tuple[TrialFacts, ...]
    before: tuple[TrialFacts, ...]
    recent: tuple[TrialFacts, ...]

    @property
    def judged(self) -> tuple[TrialFacts, ...]:
        """The trials whose symptoms matter: the first ones and the recent ones."""
        return _each_once(self.early, self.recent)

    @property
    def remembered(self) -> tuple[TrialFacts, ...]:
        """Every trial of the view."""
        return _each_once(self.early, self.before, self.recent)

    @property
    def reference(self) -> tuple[TrialFacts, ...]:
        """The trials that recent ones are compared with."""
        recent = {trial.number for trial in self.recent}
        return tuple(trial for trial in self.remembered if trial.number not in recent)


def look(
    study: StudyFacts, trials: Sequence[TrialFacts], settings: DriftSettings, *, since: int = 0
) -> View:
    """The view of a night after its latest trial.

    Args:
        trials: All finished trials without the baseline, oldest first.
        since: Number of the first trial that counts as evidence.
    """
    first = _telling(trials[: 2 * settings.burn_in])[: settings.burn_in]
    last = _telling(trials[-2 * (settings.reach + settings.window) :])
    recent = tuple(trial for trial in last[-settings.window :] if trial.number >= since)
    before = last[: len(last) - len(recent)][-settings.reach :]
    early = tuple(first) if len(first) == settings.burn_in else ()
    return View(study, early, tuple(before), recent)


def _telling(trials: Sequence[TrialFacts]) -> list[TrialFacts]:
    """Those that say anything about their researcher: not what the harness itself cut off."""
    return [trial for trial in trials if trial.verdict not in _SAYS_NOTHING]


def _each_once(*groups: Sequence[TrialFacts]) -> tuple[TrialFacts, ...]:
    found = {trial.number: trial for trial in chain(*groups)}
    return tuple(found[number] for number in sorted(found))
