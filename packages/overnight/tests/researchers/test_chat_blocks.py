"""Edits as models write them, taken out of an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.researchers.chat.blocks import Block, parse

SWAP = "<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE"
LINES = st.lists(
    st.text(st.characters(exclude_characters="\n\r=<>", exclude_categories=["Cs"]), max_size=12),
    max_size=5,
)


@pytest.mark.parametrize(
    "answer",
    [
        f"train.py\n{SWAP}",
        f"train.py\n```python\n{SWAP}\n```",
        f"```\ntrain.py\n{SWAP}\n```",
        f"Words before.\n\n### `train.py`\n\n{SWAP}\nWords after.",
        f"**train.py**\n{SWAP}",
        f"**File: train.py**\n{SWAP}",
        f"File: `train.py`:\n{SWAP}",
        f"- train.py:\n{SWAP}",
        f"./train.py\n{SWAP}",
        f"In `train.py`, I lower the rate:\n{SWAP}",
        f"train.py\n{SWAP}".replace("\n", "\r\n"),
        "train.py\n<<<<< SEARCH\nold\n=======  \nnew\n>>>>>>>>> REPLACE \n",
    ],
)
def test_habits_of_models(answer: str) -> None:
    parsed = parse(answer)
    assert (parsed.blocks, parsed.problems) == ((Block("train.py", ("old",), ("new",)),), ())


def test_a_block_without_a_path_is_for_the_file_before() -> None:
    parsed = parse(f"a.py\n{SWAP}\nAnd then:\n{SWAP}\nThen\n{SWAP}\nb.py\n{SWAP}")
    assert [block.path for block in parsed.blocks] == ["a.py", "a.py", "a.py", "b.py"]
    assert parsed.prose == "And then:\nThen"


def test_a_word_is_a_path_where_it_is_known_for_one() -> None:
    answer = f"a.py\n{SWAP}\nMakefile\n{SWAP}"
    assert parse(answer).blocks[1].path == "a.py"
    assert parse(answer, known=["Makefile"]).blocks[1].path == "Makefile"


def test_prose_is_what_stands_outside() -> None:
    parsed = parse(f'{{"title": "T"}}\n\na.py\n```\n{SWAP}\n```\n\nThe end.')
    assert parsed.prose == '{"title": "T"}\n\n\nThe end.'


def test_empty_halves() -> None:
    made = "new.py\n<<<<<<< SEARCH\n=======\nx = 1\n>>>>>>> REPLACE"
    gone = "old.py\n<<<<<<< SEARCH\nx = 1\n=======\n>>>>>>> REPLACE"
    assert parse(made).blocks == (Block("new.py", (), ("x = 1",)),)
    assert parse(gone).blocks == (Block("old.py", ("x = 1",), ()),)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (SWAP, "no line with the path"),
        ("a.py\n<<<<<<< SEARCH\nold\n>>>>>>> REPLACE", "it has no line `=======`"),
        (f"a.py\n{SWAP.replace('new', '=======')}", "it has more than one line `=======`"),
        ("a.py\n<<<<<<< SEARCH\nold\n=======\nne", "the answer ends before"),
        (f"a.py\n<<<<<<< SEARCH\nold\n{SWAP}", "it does not end with"),
    ],
)
def test_blocks_that_are_none(answer: str, why: str) -> None:
    [problem] = parse(answer).problems
    assert problem.why.startswith(why)
    assert "old" in problem.quoted


def test_quotations_are_bounded() -> None:
    [problem] = parse("a.py\n<<<<<<< SEARCH\n" + "x" * 10**6).problems
    assert len(problem.quoted) < 5_000


@given(path=st.from_regex(r"[a-z]{1,8}/[a-z]{1,8}\.py", fullmatch=True), search=LINES, new=LINES)
def test_what_was_written_is_read(path: str, search: list[str], new: list[str]) -> None:
    block = Block(path, tuple(search), tuple(new))
    assert parse(f"Words.\n{block}\n").blocks == (block,)


@given(st.text())
def test_any_answer_can_be_read(answer: str) -> None:
    parsed = parse(answer)
    assert len(parsed.prose) <= len(answer)
