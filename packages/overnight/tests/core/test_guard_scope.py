"""What a proposal may touch, and what may stand there."""

import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from overnight.guards.scope import printable, refuse_content, refuse_scope
from overnight.patterns import PathPatterns
from overnight.types import Change, ChangeKind, EntryKind, Judgement, Verdict

EDITABLE, PROTECTED = PathPatterns(["src/**", "train.py"]), PathPatterns(["src/evaluate.py"])
EXISTING = ["train.py", "src/evaluate.py", "src/Model.py", "README.md"]


def change(
    path: str,
    kind: ChangeKind = ChangeKind.MODIFIED,
    *,
    entry: EntryKind = EntryKind.FILE,
    size_bytes: int = 10,
) -> Change:
    return Change(path, kind, entry, size_bytes)


def added(path: str) -> Change:
    return change(path, ChangeKind.ADDED)


def deleted(path: str) -> Change:
    return change(path, ChangeKind.DELETED, entry=EntryKind.NOTHING, size_bytes=0)


def scope(*changes: Change, existing: Sequence[str] = EXISTING) -> str | None:
    return reason_of(
        refuse_scope(changes, editable=EDITABLE, protected=PROTECTED, existing=existing)
    )


def content(*changes: Change, max_file_bytes: int = 100) -> str | None:
    return reason_of(refuse_content(changes, max_file_bytes=max_file_bytes))


def reason_of(judgement: Judgement | None) -> str | None:
    assert judgement is None or judgement.verdict is Verdict.OUT_OF_SCOPE
    return None if judgement is None else judgement.reason


@pytest.mark.parametrize(
    "allowed",
    [
        [change("train.py")],
        [deleted("train.py")],
        [added("src/new.py"), added("src/deep/er.py"), change("src/Model.py")],
        [],
    ],
)
def test_allows_what_is_in_scope(allowed: list[Change]) -> None:
    assert scope(*allowed) is None
    assert content(*allowed) is None


def test_protected_goes_before_editable() -> None:
    told = scope(change("train.py"), change("src/evaluate.py"), change("README.md"))
    assert told == "It touches protected files: src/evaluate.py."


@pytest.mark.parametrize("kind", ChangeKind)
def test_refuses_what_is_not_editable_whatever_is_done_to_it(kind: ChangeKind) -> None:
    assert scope(change("README.md", kind)) == (
        "It touches files out of scope: README.md; editable are src/**, train.py."
    )


def test_names_a_few_of_many() -> None:
    told = scope(*(change(f"other/{number}") for number in range(9)))
    assert told is not None
    assert "other/4 and 4 more;" in told


def test_refuses_links_in_scope() -> None:
    link = change("src/link", entry=EntryKind.SYMLINK)
    assert scope(link) == "It makes symbolic links: src/link."


@pytest.mark.parametrize("clash", ["src/model.py", "src/MODEL.PY"])
def test_refuses_names_that_differ_in_case_only(clash: str) -> None:
    told = f"src/Model.py and {clash} differ in upper and lower case only."
    assert scope(added(clash)) == told


def test_refuses_two_new_names_that_clash() -> None:
    assert scope(added("src/a.py"), added("src/A.py")) is not None


def test_allows_a_rename_to_another_case() -> None:
    assert scope(deleted("src/Model.py"), added("src/model.py")) is None


@given(st.text(st.characters(categories=["Ll", "Lu"], max_codepoint=0x17F), min_size=1))
def test_refuses_names_that_differ_in_composition_only(name: str) -> None:
    composed = unicodedata.normalize("NFC", name)
    decomposed = unicodedata.normalize("NFD", name)
    assume(composed != decomposed)
    assert scope(added(f"src/{decomposed}"), existing=[f"src/{composed}"]) is not None
    assert scope(added(f"src/{decomposed}"), existing=[f"src/{composed}x"]) is None


def test_refuses_too_many_files() -> None:
    allowed = [change(f"src/{number}.py") for number in range(1000)]
    assert content(*allowed) is None
    told = content(*allowed, change("src/one-more.py"))
    assert told == "It touches 1001 files; at most 1000 are accepted."


@given(size=st.integers(0, 10**12), most=st.integers(1, 10**9))
def test_refuses_what_is_too_big(size: int, most: int) -> None:
    told = content(change("src/data.bin", size_bytes=size), max_file_bytes=most)
    assert (told is not None) == (size > most)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (change("src/sub", entry=EntryKind.NESTED_REPOSITORY), "is a nested repository"),
        (change("src/pipe", entry=EntryKind.SPECIAL), "is a special file"),
        (added("src/caf\udce9.py"), "has a name that is not UTF-8"),
        (added("src/a\nb.py"), "has control characters in its name"),
        (added("src/\x1b[2Jb.py"), "has control characters in its name"),
        (added("src/.git/config"), "pretends to be git's own directory"),
        (added("src/.GIT"), "pretends to be git's own directory"),
    ],
)
def test_refuses_what_cannot_become_a_commit(bad: Change, reason: str) -> None:
    told = content(change("train.py"), bad)
    assert told is not None
    assert told.endswith(f" {reason}.")
    assert told.isprintable()


@given(st.binary().map(lambda name: name.decode(errors="surrogateescape")))
def test_any_name_can_be_shown_on_one_line(name: str) -> None:
    assert printable(name).isprintable()


@pytest.mark.parametrize(
    ("name", "shown"),
    [("src/a.py", "src/a.py"), ("naïve.py", "naïve.py"), ("a\tb", r"a\tb"), ("\udce9", r"\xe9")],
)
def test_shows_what_is_odd_about_a_name(name: str, shown: str) -> None:
    assert printable(name) == shown
