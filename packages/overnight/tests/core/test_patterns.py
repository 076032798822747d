"""Which paths the patterns of a study file mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.patterns import PathPatterns

NAMES = st.text(
    st.characters(exclude_characters="/\0\n\r\\*?[]!#", exclude_categories=["Cs"]), min_size=1
).filter(lambda name: name.strip() == name and name not in (".", ".."))
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


@pytest.mark.parametrize(
    ("pattern", "meant", "not_meant"),
    [
        ("train.py", ["train.py"], ["src/train.py", "train.pyc", "xtrain.py"]),
        ("/train.py", ["train.py"], ["src/train.py"]),
        ("./train.py", ["train.py"], ["src/train.py"]),
        ("src/**", ["src/a.py", "src/deep/b.txt"], ["src", "lib/src/a.py"]),
        ("src", ["src/a.py", "src/deep/b.txt"], ["lib/src/a.py", "srcs/a.py"]),
        ("src/", ["src/a.py", "src/deep/b.txt"], ["src", "lib/src/a.py"]),
        ("*.py", ["train.py"], ["src/train.py", "train.txt"]),
        ("**/*.py", ["train.py", "src/deep/train.py"], ["train.txt"]),
        ("src/*.py", ["src/a.py"], ["src/deep/a.py"]),
        ("src/*/a.py", ["src/x/a.py"], ["src/a.py", "src/x/y/a.py"]),
        ("*", ["train.py", "src/a.py", ".hidden"], []),
        (".", ["train.py", "src/a.py"], []),
        ("etc/[ab].txt", ["etc/a.txt"], ["etc/c.txt"]),
        ("#notes", ["#notes"], ["notes"]),
        ("with space.py", ["with space.py"], ["with", "space.py"]),
        ("naïve.py", ["naïve.py"], ["naive.py"]),
    ],
)
def test_a_pattern_is_anchored_at_the_root(
    pattern: str, meant: list[str], not_meant: list[str]
) -> None:
    patterns = PathPatterns([pattern])
    assert [path for path in meant if not patterns.match(path)] == []
    assert [path for path in not_meant if patterns.match(path)] == []


@given(PATHS, NAMES)
def test_an_odd_name_means_itself_and_what_lies_below_it(path: str, child: str) -> None:
    patterns = PathPatterns([path])
    assert patterns.match(path)
    assert patterns.match(f"{path}/{child}")
    assert not patterns.match(f"{child}/{path}") or f"{child}/{path}".startswith(f"{path}/")


@given(PATHS)
def test_no_pattern_means_nothing(path: str) -> None:
    nothing = PathPatterns([])
    assert not nothing
    assert not nothing.match(path)


@given(st.lists(PATHS, max_size=4), st.lists(PATHS, max_size=4))
def test_patterns_are_equal_when_they_are_written_alike(one: list[str], other: list[str]) -> None:
    assert (PathPatterns(one) == PathPatterns(other)) == (one == other)
    assert hash(PathPatterns(one)) == hash(PathPatterns(tuple(one)))
