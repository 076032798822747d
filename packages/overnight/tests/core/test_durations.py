"""Durations as people write and read them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.durations import LONGEST_S, format_duration, parse_duration_s


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("10m", 600),
        ("10 min", 600),
        ("1h 30m", 5400),
        ("1h30m", 5400),
        (" 2d ", 172_800),
        ("250ms", 0.25),
        ("1.5h", 5400),
        (90, 90),
        (0.5, 0.5),
    ],
)
def test_reads_what_people_write(text: object, seconds: float) -> None:
    assert parse_duration_s(text) == pytest.approx(seconds)


JUNK_TEXT = ["", " ", "10", "m", "10 parsecs", "-5s", "1h and 5m", "5s!", "1,5h", "nan", "inf"]
NO_LENGTHS = ["0s", "9" * 400 + "s", 0, -1, 10**400, math.nan, math.inf, -math.inf]
OTHER_TYPES: list[object] = [True, False, None, [1], {}]


@pytest.mark.parametrize(
    "value", [*JUNK_TEXT, *NO_LENGTHS, *OTHER_TYPES], ids=lambda value: repr(value)[:20]
)
def test_refuses_what_is_no_duration(value: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration_s(value)


@given(st.floats(0.1, LONGEST_S))
def test_what_is_shown_can_be_read_and_is_close(seconds: float) -> None:
    unit = 0.1 if seconds < 10 else 1.0 if seconds < 3600 else 60.0
    assert parse_duration_s(format_duration(seconds)) == pytest.approx(seconds, abs=unit, rel=0)


@given(st.floats(0.0, LONGEST_S))
def test_shows_at_most_two_units(seconds: float) -> None:
    assert len(format_duration(seconds).split()) <= 2


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0s"),
        (0.44, "0.4s"),
        (12.4, "12s"),
        (59.7, "1m 00s"),
        (185, "3m 05s"),
        (3599.6, "1h 00m"),
        (7800, "2h 10m"),
        (360_000, "100h 00m"),
    ],
)
def test_shows_the_units_that_matter(seconds: float, shown: str) -> None:
    assert format_duration(seconds) == shown


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert 0 < parse_duration_s(text) <= LONGEST_S
    except ValueError as error:
        assert "duration" in str(error)
