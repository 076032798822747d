"""Where the time of a trial goes, by a clock that the test sets."""

from collections.abc import Callable, Sequence
from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.timesheet import Activity, Timesheet
from overnight.types import UNTIMED, Phases


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def spend(clock: Clock) -> Callable[[float], None]:
    def spend(seconds: float) -> None:
        clock.now_s += seconds

    return spend


def test_every_second_is_somebodys(clock: Clock, spend: Callable[[float], None]) -> None:
    sheet = Timesheet(clock)
    sheet.open()
    spend(1)
    with sheet.during(Activity.THINKING):
        spend(10)
    with sheet.during(Activity.MEASURING):
        spend(100)
        with sheet.during(Activity.IDLE):
            spend(1000)
        spend(100)
    spend(1)
    assert sheet.take() == Phases(10, 2, 200, 1000)


def test_what_comes_after_a_verdict_counts_for_the_next_trial(
    clock: Clock, spend: Callable[[float], None]
) -> None:
    sheet = Timesheet(clock)
    sheet.open()
    sheet.take()
    sheet.enter(Activity.IDLE)
    spend(5)
    sheet.enter(Activity.GUARDS)
    sheet.open()
    assert sheet.take() == Phases(0, 0, 0, 5)


def test_reviews_are_of_no_trial(clock: Clock, spend: Callable[[float], None]) -> None:
    sheet = Timesheet(clock)
    sheet.open()
    with sheet.during(Activity.REVIEW):
        spend(7)
    assert sheet.take() == Phases(0, 0, 0, 0)


def test_a_trial_that_began_elsewhere_is_not_known(
    clock: Clock, spend: Callable[[float], None]
) -> None:
    sheet = Timesheet(clock)
    spend(3)
    assert sheet.take() == UNTIMED
    sheet.open()
    assert sheet.take() == Phases(0, 0, 0, 0), "what was spent on it is not the next one's"


def test_waiting_before_the_first_turn_is_nobodys(
    clock: Clock, spend: Callable[[float], None]
) -> None:
    sheet = Timesheet(clock)
    for _turn in range(2):
        sheet.enter(Activity.IDLE)
        spend(50)
        sheet.begin()
        sheet.enter(Activity.GUARDS)
    sheet.open()
    assert sheet.take().idle_s == 50


@given(st.lists(st.tuples(st.sampled_from(list(Activity)), st.integers(0, 1000))))
def test_parts_add_up_to_what_has_passed(spells: Sequence[tuple[Activity, int]]) -> None:
    clock = Clock()
    sheet = Timesheet(clock)
    sheet.open()
    for activity, seconds in spells:
        sheet.enter(activity)
        clock.now_s += seconds
    reviewed = sum(seconds for activity, seconds in spells if activity is Activity.REVIEW)
    assert sum(astuple(sheet.take())) == pytest.approx(clock.now_s - 100.0 - reviewed)
