"""What the symptoms of a few trials prove: laws that hold for all of them."""

import math
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.drift.evidence import Evidence, Observed, Symptom, probability

from .trials import honest, night

DEGREES = st.floats(0, 1)
ROWS = st.lists(DEGREES, max_size=12)
TRIALS = night(*honest(60))
MOST_OF_ONE = math.log(0.8 / 0.1)


def weigh(degrees: list[float], *, early: list[float] | None = None) -> Evidence:
    """The evidence of some degrees after the study's first ones."""
    first = [0.0] * 8 if early is None else early
    count = len(first)
    symptoms = [*map(Symptom, TRIALS, [*first, *degrees])]
    return Observed(symptoms).evidence(TRIALS[count : len(symptoms)], early=TRIALS[:count])


@given(ROWS, ROWS)
def test_evidence_is_never_negative(degrees: list[float], early: list[float]) -> None:
    assert weigh(degrees, early=early).log_odds >= 0


@given(ROWS)
def test_evidence_names_the_trials_that_speak_for_drift(degrees: list[float]) -> None:
    found = weigh(degrees)
    assert bool(found.shown) == (found.log_odds > 0)
    assert all(trial in [symptom.trial for symptom in found.symptoms] for trial in found.shown)
    if found.shown:
        assert found.symptoms[0].trial == found.shown[0], "it counts from the first of them on"


@given(st.lists(st.just(0.0), max_size=12), st.integers(0, 12), DEGREES)
def test_one_odd_trial_is_bounded_whatever_it_did(
    quiet: list[float], place: int, degree: float
) -> None:
    odd = [*quiet[:place], degree, *quiet[place:]]
    assert weigh(odd).log_odds <= MOST_OF_ONE + 1e-9
    assert probability(weigh(odd).log_odds, prior=0.005) < 0.05


@given(ROWS.filter(bool), st.data())
def test_more_symptoms_are_never_less_evidence(degrees: list[float], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(degrees) - 1))
    worse = degrees.copy()
    worse[place] = data.draw(st.floats(degrees[place], 1))
    assert weigh(worse).log_odds >= weigh(degrees).log_odds - 1e-9
    assert weigh([*degrees, 1.0]).log_odds > weigh(degrees).log_odds


@given(st.lists(st.just(0.0), max_size=20), ROWS)
def test_quiet_trials_before_the_moment_do_not_count(
    quiet: list[float], degrees: list[float]
) -> None:
    assert weigh([*quiet, *degrees]).log_odds == pytest.approx(weigh(degrees).log_odds)


@given(ROWS)
def test_quiet_trials_after_it_excuse_little_by_little(degrees: list[float]) -> None:
    values = [weigh([*degrees, *[0.0] * more]).log_odds for more in range(5)]
    assert values == sorted(values, reverse=True)
    assert weigh([*degrees, *[0.0] * 20]).log_odds == 0


@given(ROWS, ROWS.filter(bool), st.data())
def test_a_symptom_that_is_usual_counts_less(
    degrees: list[float], early: list[float], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(early) - 1))
    usual = early.copy()
    usual[place] = data.draw(st.floats(early[place], 1))
    assert weigh(degrees, early=usual).log_odds <= weigh(degrees, early=early).log_odds + 1e-9


def test_a_symptom_of_every_first_trial_is_no_news_but_some() -> None:
    usual = weigh([1.0] * 6, early=[1.0] * 30).log_odds
    assert 0 < usual < weigh([1.0] * 6).log_odds / 4


@given(ROWS, st.floats(1, 3))
def test_a_weight_multiplies_what_a_trial_says(degrees: list[float], weight: float) -> None:
    def evidence(weight: float) -> float:
        symptoms = [*map(Symptom, TRIALS, degrees, repeat(weight))]
        return Observed(symptoms).evidence(TRIALS, early=()).log_odds

    assert evidence(weight) == pytest.approx(weight * evidence(1.0))


def test_trials_that_cannot_tell_neither_help_nor_harm() -> None:
    symptoms = [Symptom(trial, 1.0) for trial in TRIALS[:9:3]]
    found = Observed(symptoms).evidence(TRIALS[:9], early=())
    assert found.log_odds == pytest.approx(3 * MOST_OF_ONE)
    assert [trial.number for trial in found.shown] == [1, 4, 7]


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(1e-6, 0.5))
def test_more_evidence_is_more_probable_and_nothing_overflows(
    less: float, more: float, prior: float
) -> None:
    low, high = sorted((less, more))
    assert prior - 1e-9 <= probability(low, prior=prior) <= probability(high, prior=prior) <= 1
    assert 0 <= probability(-high, prior=prior) <= prior + 1e-9
