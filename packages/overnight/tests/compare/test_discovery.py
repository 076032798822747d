"""What several arms found by themselves, and what only one did."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.compare.discovery import Find, finds, own, shared
from overnight.compare.marks import Kind, marks_of
from overnight.compare.phrases import Direction, mentions, topic_of
from overnight.compare.records import ArmRecord, ArmTrial
from overnight.drift.facts import FileChange
from overnight.types import Verdict

from .contests import edit, kept

BASE = """\
LEARNING_RATE = 1e-3
WARMDOWN = 0.5
BETAS = (0.9, 0.99)
NAME = "adam"
STEPS = 2**10

def schedule(progress):
    return min(1.0, (1.0 - progress) / WARMDOWN)

class Model:
    def forward(self, x):
        return x @ self.weight
"""


def changed(old: str, new: str) -> str:
    assert old in BASE
    return BASE.replace(old, new)


def said(text: str) -> list[tuple[str, Direction]]:
    return [(each.words, each.direction) for each in mentions(text)]


def told(new: str) -> list[tuple[Kind, str, Direction]]:
    marks = marks_of(kept(1, "in other words", files=edit(BASE, new)))
    return [(mark.kind, mark.name, mark.direction) for mark in marks]


@pytest.mark.parametrize(
    ("old", "new", "name", "direction"),
    [
        ("1e-3", "3e-4", "LEARNING_RATE", Direction.DOWN),
        ("WARMDOWN = 0.5", "WARMDOWN = 0.75", "WARMDOWN", Direction.UP),
        ("0.99)", "0.95)", "BETAS[1]", Direction.DOWN),
        ('"adam"', '"muon"', "NAME", Direction.CHANGED),
        ("2**10", "2**11", "STEPS", Direction.UP),
        ("STEPS = 2**10\n", "", "STEPS", Direction.REMOVED),
        ("STEPS", "FLOOR = 0.1\nSTEPS", "FLOOR", Direction.ADDED),
    ],
)
def test_a_constant_is_known_by_name_and_direction(
    old: str, new: str, name: str, direction: Direction
) -> None:
    assert told(changed(old, new)) == [(Kind.CONSTANT, name, direction)]


def test_functions_and_classes_are_known_by_their_name() -> None:
    new = changed("x @ self.weight", "x @ self.weight + x")
    assert told(new) == [(Kind.CODE, "Model", Direction.CHANGED)]
    assert told(BASE + "\n\ndef extra():\n    return 1\n") == [
        (Kind.CODE, "extra", Direction.ADDED)
    ]
    assert told(BASE[: BASE.index("class")]) == [(Kind.CODE, "Model", Direction.REMOVED)]


def test_comments_and_layout_are_no_change_and_then_the_words_count() -> None:
    trial = kept(1, "raise warmdown", files=edit(BASE, BASE.replace("\n\n", "\n\n# hm\n\n")))
    [mark] = marks_of(trial)
    assert (mark.kind, mark.direction) == (Kind.WORDS, Direction.UP)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shorten LR warmdown ratio 0.5->0.2", [("LR warmdown ratio", Direction.DOWN)]),
        ("tune warmdown ratio 0.30->0.29", [("warmdown ratio", Direction.DOWN)]),
        ("WARMDOWN_RATIO 0.3→0.5 (hypothesis: lower noise)", [("WARMDOWN RATIO", Direction.UP)]),
        ("start warmdown later", [("warmdown", Direction.CHANGED)]),
        (
            "halve total batch size to double update frequency",
            [("total batch size", Direction.DOWN)],
        ),
        (
            "halve total batch with 0.7x LRs and smaller device batch",
            [
                ("total batch", Direction.DOWN),
                ("LRs", Direction.DOWN),
                ("device batch", Direction.DOWN),
            ],
        ),
        (
            "lower Muon weight decay to 0.15 with small batch",
            [("Muon weight decay", Direction.DOWN)],
        ),
        ("add 5% LR warmup", [("LR warmup", Direction.ADDED)]),
        ("remove dropout", [("dropout", Direction.REMOVED)]),
        (
            "max_depth=8 min_child_weight=3",
            [("max depth", Direction.CHANGED), ("min child weight", Direction.CHANGED)],
        ),
        ("Hypothesis: smaller batch, since steps are few", [("batch", Direction.DOWN)]),
        ("raise workers from 50% to 75%, leaving one free", [("workers", Direction.UP)]),
        ("", []),
        ("...", []),
    ],
)
def test_a_description_says_what_is_changed_and_which_way(
    text: str, expected: list[tuple[str, Direction]]
) -> None:
    assert said(text) == expected


@given(text=st.text(max_size=400))
def test_any_description_can_be_read(text: str) -> None:
    for each in mentions(text):
        assert each.words.strip()
        assert each.topic.fits(each.topic)


def test_names_and_words_are_about_the_same_where_nothing_speaks_against_it() -> None:
    def fits(one: str, other: str) -> bool:
        mine, theirs = topic_of(one), topic_of(other)
        return mine is not None and theirs is not None and mine.fits(theirs)

    assert fits("WARMDOWN_RATIO", "LR warmdown ratio")
    assert fits("learningRate", "LR scale")
    assert fits("learning rate", "LRs")
    assert fits("weight decay", "WD")
    assert fits("total batch size", "DEVICE_BATCH_SIZE")
    assert not fits("LR warmdown", "LR")
    assert not fits("attention window", "context window")
    assert not fits("embedding LR", "matrix LR")


def arms(*trials: Sequence[ArmTrial]) -> list[ArmRecord]:
    return [ArmRecord(name, tuple(each)) for name, each in zip("ab", trials, strict=False)]


def names(found: Sequence[Find]) -> list[str]:
    return [find.name for find in found]


def test_the_same_constant_in_two_arms_is_a_shared_find_and_the_rest_is_their_own() -> None:
    lower, higher = (
        changed("WARMDOWN = 0.5", "WARMDOWN = 0.2"),
        changed("WARMDOWN = 0.5", "WARMDOWN = 0.6"),
    )
    found = finds(
        arms(
            [
                kept(1, files=edit(BASE, lower), gain=0.3),
                kept(2, files=edit(BASE, changed("2**10", "2**12")), gain=0.2),
            ],
            [
                kept(7, files=edit(BASE, higher), gain=0.1),
                ArmTrial(8, Verdict.DISCARD, files=edit(BASE, changed("2**10", "2**9"))),
            ],
        )
    )
    assert names(shared(found)) == ["WARMDOWN"]
    assert names(own(found, "a")) == ["STEPS"]
    assert own(found, "b") == [], "what was not kept is no find"
    [warmdown] = shared(found)
    assert warmdown.gain == pytest.approx(0.4)
    assert [step.direction for step in warmdown.of("a")] == [Direction.DOWN]
    assert [step.direction for step in warmdown.of("b")] == [Direction.UP]


def test_different_constants_are_different_finds_even_where_their_names_are_alike() -> None:
    base = "EMBEDDING_LR = 0.6\nMATRIX_LR = 0.04\n"
    found = finds(
        arms(
            [kept(1, files=edit(base, base.replace("0.6", "0.3")))],
            [kept(2, files=edit(base, base.replace("0.04", "0.02")))],
        )
    )
    assert shared(found) == []


def test_a_description_matches_the_constant_that_it_is_about() -> None:
    lower = edit(BASE, changed("WARMDOWN = 0.5", "WARMDOWN = 0.2"))
    found = finds(arms([kept(1, files=lower)], [kept(2, "extend LR warmdown ratio 0.2->0.25")]))
    [both] = shared(found)
    assert (both.name, both.names) == ("WARMDOWN", ("LR warmdown ratio",))


def test_words_that_fit_two_constants_do_not_make_them_one() -> None:
    base = "EMBEDDING_LR = 0.6\nMATRIX_LR = 0.04\n"
    found = finds(
        arms(
            [kept(1, "lower LR"), kept(2, files=edit(base, base.replace("0.6", "0.3")))],
            [kept(3, files=edit(base, base.replace("0.04", "0.02")))],
        )
    )
    assert {find.name: find.arms for find in found} == {"LR": ["a"], "MATRIX_LR": ["b"]}


COSINE = """

def {name}({argument}):
    value = 0.5 * (1.0 + math.cos(math.pi * {argument}))
    floor = max(value, 0.1)
    return floor * 2
"""


def test_the_same_code_under_other_names_is_one_find() -> None:
    mine = BASE + COSINE.format(name="cosine", argument="progress")
    theirs = BASE + COSINE.format(name="decay", argument="t")
    found = finds(
        arms([kept(1, files=edit(BASE, mine))], [kept(2, files=edit(BASE, theirs))]),
    )
    [both] = shared(found)
    assert (both.name, both.names) == ("cosine", ("decay",))
    assert both.likeness is not None
    assert both.likeness > 0.9


def test_other_code_in_the_same_function_is_shared_and_told_to_be_unlike() -> None:
    mine = changed("return x @ self.weight", "return (x @ self.weight).relu()")
    theirs = changed(
        "return x @ self.weight",
        "for layer in self.layers:\n            x = layer(x)\n        return x",
    )
    found = finds(arms([kept(1, files=edit(BASE, mine))], [kept(2, files=edit(BASE, theirs))]))
    [both] = shared(found)
    assert both.name == "Model"
    assert both.likeness is not None
    assert both.likeness < 0.5


def test_a_proposal_counts_once_in_each_find() -> None:
    [batch, lr] = finds(arms([kept(1, "halve total batch with 0.7x LRs and smaller device batch")]))
    assert {batch.name, lr.name} == {"total batch", "LRs"}
    assert len(batch.steps) == len(lr.steps) == 1


def test_finds_come_by_the_number_of_arms_and_then_by_gain() -> None:
    found = finds(
        arms(
            [
                kept(1, "lower depth", gain=0.1),
                kept(2, "lower width", gain=0.9),
                kept(3, "raise heads", gain=0.2),
            ],
            [kept(4, "raise depth", gain=0.1), kept(5, "raise heads", gain=0.3)],
        )
    )
    assert names(found) == ["heads", "depth", "width"]


@given(
    old=st.none() | st.text(max_size=60),
    new=st.none() | st.text(max_size=60),
    path=st.sampled_from(["a.py", "notes.md", "x"]),
)
def test_any_text_of_a_file_can_be_described(old: str | None, new: str | None, path: str) -> None:
    trial = kept(1, "raise depth", files=(FileChange(path, old, new),))
    assert marks_of(trial)
