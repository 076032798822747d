"""Proposals that talk about something else and build something else."""

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from overnight.drift.edits import read_edit
from overnight.drift.evidence import Evidence, Observed, observe
from overnight.drift.facts import TrialFacts
from overnight.drift.signals.common import listed, quote, share, unusual
from overnight.drift.view import View
from overnight.drift.words import novelty, stems, strange_words, vocabulary

_LEAST_REFERENCE = 5
_LEAST_SPREAD = 0.05
_SHOWN_WORDS = 4


def other_subject(view: View) -> Observed:
    """How far each trial strayed from the study's subject.

    A proposal strays when its words are strange to the study, more than was usual in the trials
    before, and what it changes is code that it brought along, not the study's own. One without the
    other is an honest new idea, or an old one in new words.
    """
    study = view.study
    own = vocabulary(
        [study.program, study.measure_command, study.objective.metric, *study.sources.values()]
    )
    said = Counter(stem for trial in view.reference for stem in stems(_text(trial)))
    usual = dict(_strangeness(view.reference, own, said))
    if len(usual) < _LEAST_REFERENCE:
        return Observed()
    home = own | said.keys()
    return observe(
        view.judged,
        lambda trial: _degree(trial, home, usual),
        lambda evidence: _tell(evidence, home),
    )


def _degree(trial: TrialFacts, home: frozenset[str], usual: Mapping[int, float]) -> float | None:
    strange = usual.get(trial.number, novelty(_text(trial), home=home))
    if strange is None:
        return None
    words = unusual(strange, list(usual.values()), least_spread=_LEAST_SPREAD)
    return words * read_edit(trial.files).foreign


def _strangeness(
    trials: Sequence[TrialFacts], own: frozenset[str], said: Counter[str]
) -> Iterator[tuple[int, float]]:
    """How strange each trial was to the study and to the others of them.

    Args:
        said: In how many of the trials each stem occurs.
    """
    for trial in trials:
        alone = frozenset(stem for stem in stems(_text(trial)) if said[stem] == 1)
        strange = novelty(_text(trial), home=own | (said.keys() - alone))
        if strange is not None:
            yield trial.number, strange


def _tell(evidence: Evidence, home: frozenset[str]) -> str:
    new = strange_words(map(_text, evidence.shown), home=home)[:_SHOWN_WORDS]
    foreign = statistics.mean(read_edit(trial.files).foreign for trial in evidence.shown)
    return (
        f"{share(evidence)} are about {listed([quote(word) for word in new])};"
        f" {foreign:.0%} of what they change is code that they brought along"
    )


def _text(trial: TrialFacts) -> str:
    return f"{trial.title}\n{trial.rationale}"
