"""Telling arms apart: what is known, what is not, and in which words."""

import math
import random
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.compare.analysis import analyse
from overnight.compare.between import Pair
from overnight.compare.records import ArmRecord, ArmTrial, Contest
from overnight.compare.sentences import conclusions
from overnight.compare.telling import Contrast, of_repeats, of_two
from overnight.types import Goal, Verdict

from .contests import contest, nights, reruns

VALUES = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8)


def pair(told: Contest) -> Pair:
    return analyse(told).pairs[0]


def test_the_paired_t_interval_of_a_textbook() -> None:
    # Student 1908, additional hours of sleep: mean difference 1.58, t interval 0.70 to 2.46.
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    one, other = ArmRecord("a", reruns=reruns(*second)), ArmRecord("b", reruns=reruns(*first))
    seen = pair(contest(one, other, goal=Goal.MAXIMIZE)).results
    assert seen is not None
    assert seen.interval().value == pytest.approx(1.58)
    assert seen.interval().low == pytest.approx(0.7001, abs=1e-3)
    assert seen.interval().high == pytest.approx(2.4599, abs=1e-3)
    assert seen.probability == pytest.approx(1 - 0.002833 / 2, abs=1e-5)


def test_welch_as_a_statistics_package_has_it() -> None:
    seen = of_two([3.1, 2.7, 3.6, 2.9], [1.0, 2.8, -0.4])
    assert seen is not None
    # scipy.stats.ttest_ind(..., equal_var=False).confidence_interval(0.95)
    assert seen.interval().low == pytest.approx(-1.830780, abs=1e-6)
    assert seen.interval().high == pytest.approx(5.714114, abs=1e-6)


@given(one=VALUES, other=VALUES, shift=st.floats(-100, 100))
def test_a_difference_turned_round_is_the_same_difference(
    one: Sequence[float], other: Sequence[float], shift: float
) -> None:
    count = min(len(one), len(other))
    there = of_repeats([a - b for a, b in zip(one, other, strict=False)])
    back = of_repeats([(b + shift) - (a + shift) for a, b in zip(one, other, strict=False)])
    assert there is not None
    assert back is not None
    assert (there.count, there.freedom) == (back.count, back.freedom) == (count, count - 1)
    assert there.value == pytest.approx(-back.value, abs=1e-6)
    assert there.error == pytest.approx(back.error, abs=1e-6)


def test_what_moves_whole_blocks_does_not_hide_a_difference() -> None:
    shifts = [0.0, 5.0, -3.0, 8.0]
    one = ArmRecord("a", reruns=reruns(*(1.0 + s + d for s, d in zip(shifts, NOISE, strict=True))))
    other = ArmRecord("b", reruns=reruns(*(1.2 + s for s in shifts)))
    assert pair(contest(one, other)).told_results


NOISE = [0.01, -0.01, 0.02, 0.0]


def test_one_night_each_tells_results_apart_and_never_researchers() -> None:
    rng = random.Random(1)
    one = ArmRecord("codex", reruns=nights(rng, 0.9))
    other = ArmRecord("tune", reruns=nights(rng, 1.0))
    told = contest(one, other, baseline=nights(rng, 1.1))
    assert pair(told).told_results
    assert not pair(told).told_researchers
    said = " ".join(conclusions(analyse(told)))
    assert "the probability that it is better is" in said
    assert "does not follow from a single night" in said
    assert "how far two nights of one researcher differ is not known here" in said


def test_one_researcher_against_itself_says_what_chance_alone_gives() -> None:
    rng = random.Random(2)
    one = ArmRecord("codex", reruns=nights(rng, 0.90), setup="codex:gpt-5.4")
    other = ArmRecord("tune", reruns=nights(rng, 0.95))
    again = ArmRecord("codex again", reruns=nights(rng, 0.80), setup="codex:gpt-5.4")
    drawn = replace(contest(one, other, baseline=nights(rng, 1.0)), calibration=(again,))
    found = analyse(drawn)
    assert found.chance is not None
    assert found.chance.seen == pytest.approx(0.1, rel=0.25)
    assert found.chance.sd == pytest.approx(found.chance.seen / math.sqrt(2))
    assert (found.chance.setups, found.chance.nights) == (("codex:gpt-5.4",), 2)
    [seen] = found.pairs
    assert seen.researchers is not None
    assert seen.researchers.interval().low < 0 < seen.researchers.interval().high
    assert not seen.told_researchers
    said = " ".join(conclusions(found))
    assert "nights of one researcher came up to" in said
    assert "chance alone puts two nights of one researcher up to" in said


def test_a_single_night_is_never_told_however_small_chance_seems() -> None:
    rng = random.Random(6)
    one, other = ArmRecord("a", reruns=nights(rng, 0.5)), ArmRecord("b", reruns=nights(rng, 0.9))
    again = ArmRecord("more", reruns=nights(rng, 0.9, 0.9, 0.9, 0.9, 0.9))
    drawn = replace(contest(one, other, baseline=nights(rng, 1.0)), calibration=(again,))
    seen = pair(drawn)
    assert seen.researchers is not None
    assert seen.researchers.interval().low > 0
    assert not seen.told_researchers


def test_two_arms_of_one_setup_are_nothing_to_choose_between() -> None:
    rng = random.Random(5)
    arms = [
        ArmRecord(name, reruns=nights(rng, value), setup=setup)
        for name, value, setup in (("a", 0.9, "x"), ("a again", 0.8, "x"), ("b", 0.7, "y"))
    ]
    itself, *others = analyse(contest(*arms)).pairs
    assert itself.same
    assert {each.comparisons for each in others} == {2}
    said = " ".join(conclusions(analyse(contest(*arms))))
    assert "a and a again are the same setup: any difference between them is chance." in said


def test_several_nights_tell_researchers_apart_where_they_differ_by_more_than_their_nights() -> (
    None
):
    rng = random.Random(3)
    one = ArmRecord("codex", reruns=nights(rng, 0.70, 0.72, 0.69, 0.71))
    other = ArmRecord("tune", reruns=nights(rng, 0.90, 0.93, 0.91, 0.90))
    told = contest(one, other, baseline=nights(rng, 1.0))
    seen = pair(told)
    assert seen.told_researchers
    assert seen.researchers is not None
    assert seen.researchers.value == pytest.approx(0.205, abs=0.02)
    scattered = ArmRecord("tune", reruns=nights(rng, 0.5, 1.0, 0.65, 0.9))
    unsure = pair(contest(one, scattered, baseline=nights(rng, 1.0)))
    assert unsure.researchers is not None
    assert not unsure.told_researchers
    assert unsure.researchers.needed is not None
    assert unsure.researchers.needed > 4


def test_the_goal_says_which_way_is_better() -> None:
    one, other = ArmRecord("a", reruns=reruns(2.0, 2.1)), ArmRecord("b", reruns=reruns(1.0, 1.2))
    down, up = pair(contest(one, other)), pair(contest(one, other, goal=Goal.MAXIMIZE))
    assert down.results is not None
    assert up.results is not None
    assert down.results.value == -up.results.value < 0


def test_more_comparisons_ask_for_more() -> None:
    border = Contrast(2.2, 1.0, 100, 5)
    assert border.is_told()
    assert not border.is_told(comparisons=3)


def test_identical_repeats_tell_the_smallest_difference_and_none() -> None:
    certain, none = of_repeats([0.1, 0.1]), of_repeats([0.0, 0.0])
    assert certain is not None
    assert none is not None
    assert (certain.probability, none.probability) == (1.0, 0.5)
    assert certain.is_told()
    assert not none.is_told()
    assert none.needed is None


@given(value=st.floats(0.05, 5), error=st.floats(0.05, 2), count=st.integers(2, 12))
def test_the_runs_that_would_tell_a_difference_do_tell_it(
    value: float, error: float, count: int
) -> None:
    seen = Contrast(value, error, count - 1, count)
    if seen.needed is None:
        assert value / (error * math.sqrt(count)) < 0.05
        return
    enough = seen.needed
    with_enough = Contrast(value, error * math.sqrt(count / enough), enough - 1, enough)
    assert with_enough.smallest is not None
    assert with_enough.smallest <= value * 1.000001
    assert with_enough.is_told()


@pytest.mark.parametrize("blocks", [3, 5])
def test_intervals_cover_and_an_arm_rarely_differs_from_itself(blocks: int) -> None:
    rng = random.Random(blocks)
    covered = told = 0
    rounds, truth = 1_000, 0.3
    for _ in range(rounds):
        shifts = [rng.gauss(0, 2) for _ in range(blocks)]
        one = ArmRecord("a", reruns=reruns(*(s + truth + rng.gauss(0, 1) for s in shifts)))
        other = ArmRecord("b", reruns=reruns(*(s + rng.gauss(0, 1) for s in shifts)))
        same = ArmRecord("c", reruns=reruns(*(s + rng.gauss(0, 1) for s in shifts)))
        drawn = contest(one, other, same, goal=Goal.MAXIMIZE)
        seen, _, itself = analyse(drawn).pairs
        assert seen.results is not None
        assert itself.results is not None
        covered += seen.results.interval().low <= truth <= seen.results.interval().high
        told += itself.results.is_told()
    assert 0.93 <= covered / rounds <= 0.97
    assert told / rounds <= 0.055


def test_records_alone_have_no_interval_and_say_how_far_the_same_start_lies_apart() -> None:
    gains = [ArmTrial(1, Verdict.KEEP, value=0.9, gain=0.1, kept=True)]
    one = ArmRecord("codex", (*gains,), starts={1: 1.0})
    other = ArmRecord(
        "tune", (ArmTrial(1, Verdict.KEEP, value=1.1, gain=0.2, kept=True),), starts={1: 1.3}
    )
    told = analyse(contest(one, other))
    said = " ".join(conclusions(told))
    assert told.starts is not None
    assert told.starts.gap == pytest.approx(0.3)
    assert "were not measured again" in said
    assert "no interval goes with that" in said
    assert "1 of 1 of codex; 1 of 1 of tune" in said


def test_a_shared_baseline_is_no_statement_about_starts() -> None:
    arms = [ArmRecord(name, starts={1: 1.0}) for name in ("a", "b")]
    assert analyse(contest(*arms)).starts is None


WINNERS = re.compile(r"\b(win|wins|won|winner|beats?|best)\b", re.IGNORECASE)


@given(
    one=st.lists(st.floats(0.5, 1.5), max_size=6),
    other=st.lists(st.floats(0.5, 1.5), max_size=6),
    same=st.booleans(),
)
def test_no_sentence_names_a_bare_winner(one: list[float], other: list[float], same: bool) -> None:
    setup = "codex" if same else ""
    a = ArmRecord("a\x1b[31m|b", reruns=reruns(*one), setup=setup)
    b = ArmRecord("b", reruns=reruns(*other), setup=setup)
    for sentence in conclusions(analyse(contest(a, b, baseline=reruns(1.0, 1.0, 1.0)))):
        assert not WINNERS.search(sentence.replace("the best of many is lucky", ""))
        assert sentence.isprintable()
        if " better" in sentence or " further" in sentence:
            assert "probability" in sentence
            assert "[" in sentence
