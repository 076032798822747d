"""Edits put into texts: exactly, once, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.researchers.chat.blocks import Block
from overnight.researchers.chat.fitting import DoesNotFit, fit, nearest


def block(search: str, replace: str) -> Block:
    return Block("a.py", tuple(search.splitlines()), tuple(replace.splitlines()))


SOURCE = "def f(x):\n    if x:\n        return 1\n    return 2\n"


@pytest.mark.parametrize(
    ("search", "replace", "after"),
    [
        ("    return 2", "    return 3", SOURCE.replace("2", "3")),
        # blanks at the ends of lines
        ("    return 2   ", "    return 3", SOURCE.replace("2", "3")),
        # one indentation for all lines, more or less
        ("if x:\n    return 1", "if not x:\n    return 1", SOURCE.replace("if x", "if not x")),
        ("      if x:\n          return 1", "      if 1:\n\n          return 1",
         SOURCE.replace("if x:\n", "if 1:\n\n")),
        ("    return 2", "", "def f(x):\n    if x:\n        return 1\n"),
        (SOURCE, "x = 1", "x = 1\n"),
    ],
)  # fmt: skip
def test_edits_that_fit(search: str, replace: str, after: str) -> None:
    assert fit(SOURCE, block(search, replace)) == after


@pytest.mark.parametrize(
    ("search", "why"),
    [
        ("    return 9", "is not in the file"),
        ("  return 1\n  return 2", "is not in the file"),
        ("return 1\n        return 2", "is not in the file"),
        ("return", "is not in the file"),
        ("    if x:\n            return 1", "is not in the file"),
    ],
)
def test_edits_that_do_not_fit(search: str, why: str) -> None:
    with pytest.raises(DoesNotFit, match=why):
        fit(SOURCE, block(search, "x"))


def test_lines_that_are_there_twice_are_refused() -> None:
    text = "a\nb\na\n"
    with pytest.raises(DoesNotFit, match="2 times; add lines"):
        fit(text, block("a", "c"))
    assert fit(text, block("b\na", "b\nc")) == "a\nb\nc\n"
    with pytest.raises(DoesNotFit, match="2 times"):
        fit("  a\n    a\n", block("a", "c"))


def test_an_exact_line_goes_before_a_similar_one() -> None:
    assert fit("  a\na\n", block("a", "c")) == "  a\nc\n"
    assert fit("a \na\n", block("a", "c")) == "a \nc\n"


def test_new_lines_that_cannot_be_indented_less() -> None:
    with pytest.raises(DoesNotFit, match="indented otherwise"):
        fit("a\n", block("    a", "b"))


def test_line_ends_stay_as_they_are() -> None:
    assert fit("a\r\nb\r\n", block("a", "c\nd")) == "c\r\nd\r\nb\r\n"
    assert fit("a\nb", block("b", "c")) == "a\nc"
    assert fit("a\x0cb\nc\n", block("c", "d")) == "a\x0cb\nd\n"


def test_new_files() -> None:
    new = block("", "x = 1\ny = 2")
    assert fit(None, new) == "x = 1\ny = 2\n"
    assert fit(" \n", new) == "x = 1\ny = 2\n"
    with pytest.raises(DoesNotFit, match="first half is empty, but"):
        fit("z = 3\n", new)
    with pytest.raises(DoesNotFit, match="no such file"):
        fit(None, block("x", "y"))


LINES = st.lists(st.sampled_from(["a", "  a", "b", "    b", "", "c "]), max_size=8)


@given(before=LINES, wanted=LINES, after=LINES, new=LINES)
def test_a_fit_changes_what_was_asked_for_and_nothing_else(
    before: list[str], wanted: list[str], after: list[str], new: list[str]
) -> None:
    lines = [*before, *wanted, *after]
    try:
        told = fit("\n".join(lines), Block("a", tuple(wanted), tuple(new)))
    except DoesNotFit:
        return
    if not any(line.strip() for line in wanted):
        assert not any(line.strip() for line in lines)
        return
    assert told == "\n".join([*before, *new, *after])


def test_nearest_lines() -> None:
    assert nearest(SOURCE, ["if x:", "return 3"]) == "    if x:\n        return 1"
    assert nearest(SOURCE, ["nothing", "of this"]) == ""
    assert nearest("", ["x"]) == ""
