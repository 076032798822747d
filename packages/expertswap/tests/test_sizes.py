import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from expertswap.cli.size_options import parse_bytes, parse_rate
from expertswap.sizes import tell_bytes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12GiB", 12 * 2**30),
        ("12 GB", 12 * 10**9),
        ("500mb", 500 * 10**6),
        ("1.5KiB", 1536),
        ("7", 7),
        ("7B", 7),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str, expected: int) -> None:
    assert parse_bytes(text) == expected


@pytest.mark.parametrize("text", ["", "GiB", "12XB", "-1GB", "1e3", "12 GB/s"])
def test_what_is_no_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="12GiB"):
        parse_bytes(text)


def test_a_rate_may_leave_out_the_second() -> None:
    assert parse_rate("25GB/s") == parse_rate("25GB") == 25 * 10**9


def test_bytes_are_told_in_units_of_1024() -> None:
    assert [tell_bytes(n) for n in (640, 1536, 12 * 2**30)] == ["640 B", "1.5 KiB", "12 GiB"]


@given(st.integers(0, 2**45))
def test_a_told_size_is_read_back_to_three_digits(count: int) -> None:
    assert parse_bytes(tell_bytes(count)) == pytest.approx(count, rel=1e-3)
