import ast
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.researchers.tune.constants import UnreadableSource, rewrite, survey

SCRIPT = b'''"""A script."""
import sys

RATE = 3e-4  # at its peak
TOKENS = 2**19  # per step
BLOCK: int = 64 * 1024; SIZE = 1_000
BETAS = (0.8, .95)
OFFSET = -3
NAME = 'relu'
TIED = True


def f():
    LOCAL = 3
    return LOCAL
'''


def values(source: bytes) -> dict[str, object]:
    return {constant.name: constant.value for constant in survey(source).constants}


def test_finds_module_level_constants_with_their_comments() -> None:
    found = {c.name: (c.value, c.comment) for c in survey(SCRIPT).constants}
    assert found == {
        "RATE": (3e-4, "at its peak"),
        "TOKENS": (2**19, "per step"),
        "BLOCK": (65536, ""),
        "SIZE": (1000, ""),
        "BETAS[0]": (0.8, ""),
        "BETAS[1]": (0.95, ""),
        "OFFSET": (-3, ""),
        "NAME": ("relu", ""),
        "TIED": (True, ""),
    }


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("3e-4", 0.00012, "1.2e-4"),
        ("3e-4", 0.001, "1e-3"),
        ("0.001", 0.00001, "0.00001"),
        (".95", 0.97, ".97"),
        ("1.", 2.0, "2."),
        ("1_000", 50000, "50_000"),
        ("2**19", 2**18, "2**18"),
        ("2 ** 19", 3 * 2**17, "393216"),
        ("10**-3", 0.01, "10**-2"),
        ("64 * 1024", 96 * 1024, "96 * 1024"),
        ("(2**19)", 2**20, "(2**20)"),
        ("-3", 4, "4"),
        ("-3", -4, "-4"),
        ("1 / 8", 0.25, "0.25"),
        ("'relu'", "gelu", "'gelu'"),
        ('"relu"', 'a"b\n', "'a\"b\\n'"),
        ("True", False, "False"),
    ],
)
def test_writes_a_value_in_the_style_it_had(before: str, value: object, after: str) -> None:
    source = f"X = {before}  # why\n".encode()
    assert rewrite(source, {"X": value}) == f"X = {after}  # why\n".encode()  # type: ignore[dict-item] # parametrised


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("X = 1\nX = 2\n", "more than once"),
        ("X = 1\nfor X in y: pass\n", "more than once"),
        ("X = 1\nif y:\n    X += 1\n", "more than once"),
        ("X = 1\ndef f():\n    global X\n    X = 2\n", "more than once"),
    ],
)
def test_leaves_names_alone_that_change_as_the_program_runs(line: str, reason: str) -> None:
    found = survey(line.encode())
    assert not found.constants
    assert reason in found.skipped["X"]


@pytest.mark.parametrize(
    "text", ["0x10", "f'a'", "b'a'", "g()", "(28, 28)", "None", "1j", "10**99"]
)
def test_other_expressions_are_no_constants(text: str) -> None:
    assert not survey(f"X = {text}\n".encode()).constants


@pytest.mark.parametrize(
    "source",
    [
        b"X = (\n",
        b"X = 1\x00\n",
        b"# coding: nope\nX = 1\n",
        b"X = '\xff'\n",
        b"A = 1\n\x0cB = 2\n",
    ],
)
def test_files_that_cannot_be_written_back_are_refused(source: bytes) -> None:
    with pytest.raises(UnreadableSource):
        survey(source)


@pytest.mark.parametrize(
    "source",
    [
        b"A = 1\r\nB = 2  # x\r\n",
        b"\xef\xbb\xbfA = 1\nB = 2",
        "# -*- coding: latin-1 -*-\nNOTE = 'é'\nB = 2\n".encode("latin-1"),
        b"if A:\n\tB = 3\nelse: B = 4\nB2 = 1\n".replace(b"B2", b"B_"),
    ],
)
def test_every_other_byte_stays(source: bytes) -> None:
    name = survey(source).constants[-1].name
    old = f"{name} = {survey(source).constants[-1].value}".encode()
    assert rewrite(source, {name: 7}) == source.replace(old, f"{name} = 7".encode())


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(KeyError):
        rewrite(SCRIPT, {"NOPE": 1})


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
INTS = st.integers(-(2**62), 2**62)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "RATE": FLOATS,
            "TOKENS": INTS | st.integers(0, 60).map(lambda k: 2**k),
            "BLOCK": INTS | st.integers(-99, 99).map(lambda k: 1024 * k),
            "SIZE": INTS,
            "BETAS[0]": FLOATS,
            "BETAS[1]": FLOATS,
            "OFFSET": INTS,
            "NAME": st.text(),
            "TIED": st.booleans(),
        },
    )
)
def test_what_is_written_is_read_again_and_nothing_else_moves(new: dict[str, object]) -> None:
    changed = rewrite(SCRIPT, new)  # type: ignore[arg-type] # values drawn per key
    again = values(changed)
    assert again == {**values(SCRIPT), **new}
    assert {k: type(v) for k, v in again.items()} == {k: type(v) for k, v in values(SCRIPT).items()}
    assert changed.endswith(SCRIPT[SCRIPT.index(b"\n\n\ndef") :])
    assert_same_around(SCRIPT, changed, new)


def assert_same_around(before: bytes, after: bytes, new: dict[str, object]) -> None:
    touched = {name.partition("[")[0] for name in new}
    for old, now in zip(before.splitlines(), after.splitlines(), strict=True):
        name = old.partition(b" ")[0].decode().rstrip(":")
        if name not in touched and not (name == "BLOCK" and "SIZE" in touched):
            assert now == old
        assert now.partition(b"#")[2] == old.partition(b"#")[2] or name == "NAME"


@given(FLOATS, st.sampled_from(["3e-4", "0.1", ".5", "1.", "-1e3", "2.0**3", "1 - 0.1"]))
def test_any_float_survives_any_style(value: float, style: str) -> None:
    text = rewrite(f"X = {style}\n".encode(), {"X": value}).decode()
    namespace: dict[str, float] = {}
    exec(compile(ast.parse(text), "x", "exec"), namespace)  # noqa: S102 - our own output
    assert math.isclose(namespace["X"], value, rel_tol=0.0)
