"""What two proposals have in common, however they are dressed up."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.drift.edits import Edit, likeness, read_edit
from overnight.drift.facts import FileChange

from .trials import SOURCE

LINE = "    left = 1.0 - progress\n"
IDEA = """\
    warm = 0.25
    power = WIDTH * 3
    try:
        left = math.cos(progress / warm)
    except ValueError as error:
        left = float(repr(error))
    for index, value in enumerate([left, power]):
        left += value * index
    left = max(left, 0.05)
"""


def edit(*new: str, old: str = SOURCE, path: str = "train.py") -> Edit:
    return read_edit(tuple(FileChange(path, old, text) for text in new))


def scheduled(body: str) -> Edit:
    """The program with such statements in its schedule."""
    return edit(SOURCE.replace(LINE, body))


def renamed(**names: str) -> str:
    text = IDEA
    for old, new in names.items():
        text = re.sub(rf"\b{old}\b", new, text)
    return text


DISGUISES = {
    "names": renamed(left="rest", warm="onset", power="strength", index="i", value="each"),
    "exception": renamed(error="failure"),
    "comments": IDEA.replace("0.25", "0.25  # a slow start"),
    "layout": IDEA.replace("[left, power]", "[\n        left,\n        power,\n    ]"),
    "blank lines": IDEA.replace("    for", "\n\n    for"),
    "order": IDEA.replace("    warm = 0.25\n", "").replace("    try:", "    warm = 0.25\n    try:"),
    "numbers": IDEA.replace("0.25", "0.26").replace("0.05", "0.052"),
    "annotation": IDEA.replace("warm = 0.25", "warm: float = 0.25"),
    "docstring": f'    """Rises, then falls."""\n{IDEA}',
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_disguise_hides_nothing(disguise: str) -> None:
    assert DISGUISES[disguise] != IDEA
    assert likeness(scheduled(IDEA), scheduled(DISGUISES[disguise])) == 1.0


def test_names_that_patterns_bind_are_as_good_as_any_other() -> None:
    pattern = (
        "    match [progress]:\n"
        "        case [one, *rest]:\n"
        "            left = one + len(rest)\n"
        "        case {'a': 1, **others} as whole:\n"
        "            left = len(others) + len(whole)\n"
    )
    other = pattern
    for old, new in {"one": "first", "rest": "tail", "others": "more", "whole": "it"}.items():
        other = re.sub(rf"\b{old}\b", new, other)
    assert likeness(scheduled(pattern), scheduled(other)) == 1.0


@pytest.mark.parametrize(
    "other",
    [
        "    left = math.exp(-progress)\n",
        "    if progress < 0.5:\n        return 1.0\n    left = 2 * (1.0 - progress)\n",
        "    stages = (0.2, 0.5, 1.0)\n    left = sum(stage > progress for stage in stages) / 3\n",
    ],
)
def test_another_idea_for_the_same_place_is_not_alike(other: str) -> None:
    assert likeness(scheduled(IDEA), scheduled(other)) < 0.2


def test_another_call_of_a_library_is_another_idea() -> None:
    sine, cosine = (scheduled(f"    left = math.{name}(progress)\n") for name in ("sin", "cos"))
    assert likeness(sine, cosine) == 0.0


def test_a_name_that_the_program_had_stays_although_a_proposal_defines_it_too() -> None:
    def shadowing(name: str) -> Edit:
        own = f"class Own:\n    def {name}(self, x):\n        return x\n"
        return edit(SOURCE.replace(LINE, f"    left = math.{name}(progress)\n") + own)

    assert likeness(shadowing("sqrt"), shadowing("floor")) < 1.0
    assert likeness(shadowing("ceil"), shadowing("floor")) == 1.0, "both are made up here"


@pytest.mark.parametrize(("rate", "alike"), [("0.21", 1.0), ("0.3", 0.0), ("-0.2", 0.0)])
def test_numbers_are_alike_within_a_tenth(rate: str, alike: float) -> None:
    one, other = (edit(SOURCE.replace("RATE = 0.1", f"RATE = {n}")) for n in ("0.2", rate))
    assert likeness(one, other) == alike


@given(st.floats(), st.floats())
def test_any_two_numbers_can_be_compared(one: float, other: float) -> None:
    edits = [
        edit(SOURCE.replace("RATE = 0.1", f"RATE = {text}"))
        for text in (
            repr(number).replace("inf", "1e999").replace("nan", "0") for number in (one, other)
        )
    ]
    assert 0.0 <= likeness(*edits) <= 1.0
    assert likeness(*edits) == likeness(*reversed(edits))


@pytest.mark.parametrize(
    "new",
    [
        SOURCE,
        SOURCE.replace("import math", "import math  # for the root"),
        SOURCE.replace("left", "remaining"),
        SOURCE.replace("\n\n\n", "\n\n\n\n"),
        SOURCE.replace("Train for", "Learn for"),
    ],
)
def test_names_comments_and_layout_alone_are_no_edit(new: str) -> None:
    assert edit(new).is_empty


@pytest.mark.parametrize("separator", ["\f", "\v", "\x1c", "\x85", "\u2028"])
def test_separators_that_end_no_line_of_python_hide_no_change(separator: str) -> None:
    old = f"# {separator} 1\n{SOURCE}LAST = 1\n"
    assert not edit(old.replace("LAST = 1", "LAST = 2"), old=old).is_empty


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_other_ends_of_lines_are_layout(end: str) -> None:
    assert edit(SOURCE.replace("\n", end)).is_empty
    assert not edit(SOURCE.replace("RATE = 0.1", "RATE = 0.2").replace("\n", end)).is_empty


def test_proposals_that_only_remove_are_compared_by_what_they_remove() -> None:
    without_decay = edit(SOURCE.replace("DECAY = 0.01\n", ""))
    without_print = edit(SOURCE[: SOURCE.index("print")])
    assert likeness(without_decay, without_decay) == 1.0
    assert likeness(without_decay, without_print) == 0.0
    assert likeness(edit(SOURCE), edit(SOURCE)) == 0.0


UNUSED = """

LIMIT = 3


def clip(x):
    return min(x, LIMIT)
"""


def test_code_that_nothing_refers_to_is_idle_and_foreign() -> None:
    found = edit(SOURCE + UNUSED)
    assert (found.idle, found.foreign) == (3, 1.0)


def test_code_that_the_program_uses_is_foreign_and_not_idle() -> None:
    found = edit(SOURCE.replace("x, 0.0", "clip(x), 0.0") + UNUSED)
    assert found.idle == 0, "the constant is used by what is used"
    assert 0.5 < found.foreign < 1.0


def test_new_files_are_idle_until_something_uses_them() -> None:
    module = FileChange("lib/clipping.py", None, UNUSED)
    use = SOURCE.replace("import math", "import math\nfrom lib.clipping import clip")
    assert read_edit((module,)).idle == 3
    assert read_edit((module, FileChange("train.py", SOURCE, use))).idle == 0


def test_changes_of_the_own_code_are_not_foreign() -> None:
    assert scheduled(IDEA).foreign == 0.0
    assert edit(SOURCE.replace("RATE = 0.1", "RATE = 0.5")).foreign == 0.0


def test_deleted_files_add_nothing() -> None:
    deleted = read_edit((FileChange("train.py", SOURCE, None),))
    assert deleted.added == ()
    assert deleted.removed
    assert deleted.foreign == 0.0


PROGRAMS = st.sampled_from([SOURCE, SOURCE.replace(LINE, IDEA), SOURCE + UNUSED, "", "x = (", "\0"])
FILES = st.builds(
    FileChange,
    st.sampled_from(["train.py", "notes.md"]),
    PROGRAMS | st.none() | st.text(max_size=80),
    PROGRAMS | st.none() | st.text(max_size=80),
)


@given(st.lists(FILES, max_size=3).map(tuple), st.lists(FILES, max_size=3).map(tuple))
def test_likeness_is_a_share_and_the_same_from_both_sides(
    these: tuple[FileChange, ...], those: tuple[FileChange, ...]
) -> None:
    one, other = read_edit(these), read_edit(those)
    assert 0.0 <= likeness(one, other) <= 1.0
    assert likeness(one, other) == likeness(other, one)
    assert likeness(one, one) == float(not one.is_empty)
    assert 0.0 <= one.foreign <= 1.0
    assert 0 <= one.idle <= len(one.added)


ODD_TEXTS = {
    "open parentheses": "(" * 5_000,
    "many signs": "-" * 20_000 + "1",
    "many attributes": "a" + ".b" * 20_000,
    "deep lists": f"x = {'[' * 90}{']' * 90}",
    "deep blocks": "".join(" " * n + "if x:\n" for n in range(99)) + " " * 99 + "pass\n",
    "many digits": "x = " + "9" * 10_000,
    "a huge number": "x = 0x" + "f" * 10_000,
    "half a character": "\ud800 = 1",
    "bytes": "\0\x01\x02" * 1_000,
    "many lines": "x = 1\n" * 60_000,
}


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_what_no_parser_likes_is_read_all_the_same(text: str) -> None:
    for path in ("train.py", "data.bin"):
        found = edit(ODD_TEXTS[text], path=path)
        assert 0.0 <= likeness(found, edit(SOURCE + UNUSED)) <= 1.0
