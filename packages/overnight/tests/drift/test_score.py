"""From signals to one score and a threshold: laws that hold whatever the record says."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.drift.facts import FileChange, StudyFacts, TrialFacts
from overnight.drift.score import JUDGE, SIGNALS, STALL, Vote, assess
from overnight.drift.settings import DriftSettings
from overnight.types import Constraint, Goal, Objective, Verdict

from .trials import SOURCE, STUDY, honest, look, night, trial

SETTINGS = DriftSettings()
AGAINST, IN_FAVOUR = Vote(drifting=True, why="It wanders."), Vote(drifting=False, why="It works.")


def faster(count: int) -> list[TrialFacts]:
    return [trial(f"Faster {n}", target="tokens_per_second") for n in range(count)]


def odds(score: float) -> float:
    return score / (1 - score)


PIECES = st.lists(
    st.sampled_from(
        [
            lambda n: trial(f"Faster {n}", target="tokens_per_second"),
            lambda n: trial(f"Escape {n}", Verdict.OUT_OF_SCOPE),
            lambda n: trial(f"Again {n}", Verdict.DUPLICATE),
            lambda n: trial(f"Errand {n}", commands=("git push origin x",)),
            lambda n: honest(1, done=n)[0],
            lambda n: honest(1, done=n)[0],
        ]
    ),
    max_size=24,
)
NIGHTS = PIECES.map(lambda pieces: night(*(make(n) for n, make in enumerate(pieces))))


@given(NIGHTS)
def test_a_vote_moves_the_odds_by_a_factor_of_four(trials: list[TrialFacts]) -> None:
    without = odds(look(trials).score)
    for vote, factor in ((AGAINST, 4.0), (IN_FAVOUR, 0.25)):
        voted = assess(STUDY, trials, SETTINGS, vote=vote)
        if trials:
            assert odds(voted.score) == pytest.approx(factor * without, rel=1e-3)
        assert voted.threshold == look(trials).threshold


@given(NIGHTS)
def test_the_threshold_lies_between_its_bounds(trials: list[TrialFacts]) -> None:
    threshold = look(trials).threshold
    assert SETTINGS.threshold - 1e-9 <= threshold <= SETTINGS.most_threshold


@given(NIGHTS)
def test_the_strongest_signal_counts_in_full_and_the_others_half(trials: list[TrialFacts]) -> None:
    found = look(trials)
    symptoms = [each.log_odds for each in found.signals if each.name in SIGNALS]
    beside = sum(each.log_odds for each in found.signals if each.name == STALL)
    whole = beside + (max(symptoms, default=0.0) + sum(symptoms)) / 2
    assert math.log(odds(found.score)) == pytest.approx(whole + math.log(0.005 / 0.995))
    assert symptoms == sorted(symptoms, reverse=True)


@given(NIGHTS)
def test_every_signal_is_a_probability_with_a_sentence_and_a_beginning(
    trials: list[TrialFacts],
) -> None:
    for signal in assess(STUDY, trials, SETTINGS, vote=AGAINST).signals:
        assert 0 < signal.value <= 1
        assert signal.sentence
        assert signal.since in {each.number for each in trials[-SETTINGS.window :]}


def test_votes_alone_are_never_drift() -> None:
    trials = night(*honest(30))
    for count in range(len(trials) + 1):
        assert not assess(STUDY, trials[:count], SETTINGS, vote=AGAINST).drifting


def test_stall_and_vote_together_need_symptoms() -> None:
    trials = night(*honest(12, verdict=Verdict.KEEP), *honest(20, done=12, verdict=Verdict.DISCARD))
    found = assess(STUDY, trials, SETTINGS, vote=AGAINST)
    assert [signal.name for signal in found.signals] == [JUDGE]
    assert found.score == pytest.approx(4 * 0.005, rel=0.02)


def test_a_vote_can_decide_what_is_close() -> None:
    trials = night(*honest(12, verdict=Verdict.DISCARD), *faster(2))
    assert not look(trials).drifting
    assert not assess(STUDY, trials, SETTINGS, vote=IN_FAVOUR).drifting
    assert assess(STUDY, trials, SETTINGS, vote=AGAINST).drifting


def test_a_vote_is_told_in_the_judges_own_words_as_a_quotation() -> None:
    vote = Vote(drifting=True, why='It sweeps "units".\n## Go on')
    [signal] = assess(STUDY, night(*honest(9)), SETTINGS, vote=vote).signals
    assert signal.sentence == "a judge votes that it drifts: \"It sweeps 'units'. ## Go on\""


def test_first_trials_with_a_symptom_raise_the_threshold() -> None:
    usual = look(night(*faster(8), *honest(2))).threshold
    assert 0.5 < usual <= SETTINGS.most_threshold
    assert look(night(*honest(10))).threshold == 0.5


def test_no_first_trials_raise_the_threshold_beyond_its_bound() -> None:
    first = [
        trial(f"All at once {n}", Verdict.OUT_OF_SCOPE, target="speed", commands=("git push",))
        for n in range(8)
    ]
    assert 0.9 < look(night(*first)).threshold <= SETTINGS.most_threshold
    assert look(night(*first), most_threshold=0.9).threshold == 0.9


def test_until_the_first_trials_are_there_only_the_overwhelming_counts() -> None:
    first = honest(2, verdict=Verdict.DISCARD)
    much = look(night(*first, *faster(4)))
    assert much.threshold == SETTINGS.most_threshold
    assert much.score > SETTINGS.threshold
    assert not much.drifting
    assert look(night(*first, *faster(5))).drifting


@pytest.mark.parametrize("verdict", [Verdict.INTERRUPTED, Verdict.STALE])
def test_what_the_harness_cut_off_says_nothing(verdict: Verdict) -> None:
    cut = [trial(f"Cut {n}", verdict, target="tokens_per_second") for n in range(6)]
    assert look(night(*honest(12), *cut)).signals == ()
    assert look(night(*honest(12), *faster(3), *cut)).drifting, "nor does it push others out"


def test_what_came_before_a_response_does_not_count() -> None:
    trials = night(*honest(12), *faster(5))
    assert look(trials).drifting
    assert assess(STUDY, trials, SETTINGS, since=18).signals == ()
    [target] = assess(STUDY, trials, SETTINGS, since=17).signals[:1]
    assert target.since == 17


def test_only_the_window_counts() -> None:
    trials = night(*honest(12), *faster(6), *honest(8, done=12))
    assert look(trials[:18]).drifting
    assert look(trials).signals == ()
    assert look(trials, window=14).signals != ()


def test_nothing_is_known_of_an_empty_record() -> None:
    found = look([])
    assert found.score == pytest.approx(0.005)
    assert not found.drifting
    assert found.signals == ()
    assert assess(STUDY, [], SETTINGS, vote=AGAINST).score == pytest.approx(0.005)


ODD_TEXTS = st.text(max_size=40) | st.sampled_from(
    [
        "",
        "x" * 50_000,
        "word " * 8_000,
        "\0\x01\x1b[2J\x7f",
        "\ud800\udfff",
        "((((" * 500,
        "def f(:\n",
        SOURCE,
        f"{'[' * 3_000}1{']' * 3_000}",
        "x = 1e999\ny = -0.0\n",
        "val_loss tokens_per_second",
        "git push 'open\nbash -lc \"cd ..",
    ]
)
ODD_NUMBERS = st.floats() | st.sampled_from([0.0, 1.0, 1e308, -1e308, 5e-324])
ODD_FILES = st.builds(
    FileChange,
    st.sampled_from(["train.py", "lib/new.py", "data.bin", ""]),
    ODD_TEXTS | st.none(),
    ODD_TEXTS | st.none(),
)
ODD_TRIALS = st.builds(
    TrialFacts,
    st.just(0),
    st.sampled_from(Verdict),
    ODD_TEXTS,
    rationale=ODD_TEXTS,
    target=ODD_TEXTS,
    files=st.lists(ODD_FILES, max_size=2).map(tuple),
    gain=ODD_NUMBERS | st.none(),
    metrics=st.dictionaries(st.sampled_from(["val_loss", "memory_mb", "", "["]), ODD_NUMBERS),
    holdout=ODD_NUMBERS | st.none(),
    agent_s=ODD_NUMBERS,
    agent_tokens=st.none() | st.integers(-1, 2**60),
    commands=st.lists(ODD_TEXTS, max_size=2).map(tuple),
    refused=st.lists(ODD_TEXTS, max_size=2).map(tuple),
    incumbent_files=st.integers(0, 99),
    incumbent_lines=st.integers(0, 10**6),
)
ODD_STUDIES = st.builds(
    StudyFacts,
    st.just(Objective("val_loss", Goal.MINIMIZE, (Constraint("memory_mb", "<=", 0.0),))),
    program=ODD_TEXTS,
    measure_command=ODD_TEXTS,
    sources=st.dictionaries(st.just("train.py"), ODD_TEXTS),
    inside=st.sampled_from([(), ("/",), ("",)]),
    noise=ODD_NUMBERS,
)


@given(ODD_STUDIES, st.lists(ODD_TRIALS, max_size=7))
def test_an_odd_record_is_judged_all_the_same(
    study: StudyFacts, trials: Sequence[TrialFacts]
) -> None:
    found = look(night(*trials), study, burn_in=2, window=5)
    assert 0 <= found.score <= 1
    assert 0.5 - 1e-9 <= found.threshold <= SETTINGS.most_threshold
    for signal in found.signals:
        assert 0 <= signal.value <= 1
        assert "\n" not in signal.sentence
        assert len(signal.sentence) < 1_000
