"""Edits of a clone: only of files that may be edited, and never outside of it."""

import os
from pathlib import Path

import pytest

from overnight.patterns import PathPatterns
from overnight.researchers.chat.blocks import Block
from overnight.researchers.chat.edits import Edits
from overnight.researchers.files import select


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    root = tmp_path / "clone"
    (root / "src").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("a\n")
    (root / "train.py").write_text("a\n")
    (root / "src" / "net.py").write_text("a\n")
    (root / "protected.py").write_text("a\n")
    (root / "data.py").write_bytes(b"a\n\xff\0")
    (tmp_path / "outside.py").write_text("a\n")
    (root / "link.py").symlink_to(tmp_path / "outside.py")
    (root / "folder").symlink_to(tmp_path)
    os.mkfifo(root / "pipe.py")
    return root


def edits(clone: Path) -> Edits:
    return Edits(clone, PathPatterns(["/[!p]*", "src/**", "folder/**", ".git/**"]))


def swap(path: str) -> Block:
    return Block(path, ("a",), ("b",))


def test_edits_are_written_together(clone: Path) -> None:
    made = edits(clone)
    new = Block("src/deep/new.py", (), ("x = 1",))
    assert made.make([swap("train.py"), swap("src/net.py"), new]) == []
    assert (clone / "train.py").read_text() == "a\n"
    made.write()
    assert [(clone / path).read_text() for path in ("train.py", "src/net.py", new.path)] == [
        "b\n",
        "b\n",
        "x = 1\n",
    ]


def test_later_edits_see_earlier_ones_and_a_repetition_is_passed_by(clone: Path) -> None:
    made = edits(clone)
    further = Block("train.py", ("b",), ("c",))
    assert made.make([swap("train.py"), further]) == []
    assert made.make([swap("train.py"), Block("train.py", ("c",), ("d",))]) == []
    made.write()
    assert (clone / "train.py").read_text() == "d\n"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("../outside.py", "none of a plain file"),
        ("src/../../outside.py", "none of a plain file"),
        ("/etc/passwd", "none of a plain file"),
        ("link.py", "none of a plain file"),
        ("folder/outside.py", "none of a plain file"),
        ("folder/new.py", "none of a plain file"),
        (".git/config", "none of a plain file"),
        ("pipe.py", "none of a plain file"),
        ("src", "none of a plain file"),
        ("train.py/new.py", "none of a plain file"),
        ("a\0b.py", "none of a plain file"),
        ("protected.py", "may not be changed"),
        ("data.py", "no text"),
        ("missing.py", "no such file"),
    ],
)
def test_paths_that_a_model_must_not_name(path: str, why: str, clone: Path) -> None:
    made = edits(clone)
    [problem] = made.make([swap(path)])
    assert why in problem.why
    made.write()
    assert (clone.parent / "outside.py").read_text() == "a\n"


def test_a_problem_shows_what_is_there(clone: Path) -> None:
    (clone / "train.py").write_text("one\ntwo\nthree\n")
    [problem] = edits(clone).make([Block("train.py", ("two", "four"), ())])
    assert "two\nthree" in problem.why
    assert "two\nfour" in problem.quoted


def test_what_cannot_be_encoded_does_not_stop_it(clone: Path) -> None:
    made = edits(clone)
    made.make([Block("train.py", ("a",), ("\ud800",))])
    made.write()
    assert (clone / "train.py").read_text() == "?\n"


def test_files_that_are_shown(clone: Path) -> None:
    found = select(clone, PathPatterns(["**"]), brief="Look at `net.py`.", most_characters=100)
    assert [file.path for file in found.shown] == ["src/net.py", "protected.py", "train.py"]
    assert found.left_out == ("data.py",)


def test_files_that_do_not_fit_are_named(clone: Path) -> None:
    (clone / "big.py").write_text("x" * 1000)
    found = select(clone, PathPatterns(["*.py"]), brief="big.py", most_characters=4)
    assert [file.path for file in found.shown] == ["protected.py", "train.py"]
    assert found.left_out == ("big.py", "data.py")
    few = select(clone, PathPatterns(["*.py"]), brief="", most_characters=10**6, most_files=1)
    assert len(few.shown) == 1
