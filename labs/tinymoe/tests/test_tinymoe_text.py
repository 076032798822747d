"""Domains, the split, and what becomes of files."""

import sysconfig
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from tinymoe import text
from tinymoe.tables import generated_tables
from tinymoe.text import Domain, Split, docstrings, documents, plain_manual


@pytest.mark.usefixtures("library_alone")
def test_no_text_is_on_two_sides_and_copies_count_once() -> None:
    found = list(documents(400_000))
    sides = {split: {d.text for d in found if d.split is split} for split in Split}
    assert sum(map(len, sides.values())) == len(found)
    assert all(len(side) > 10 for side in sides.values())
    c_files = [document for document in found if document.domain is Domain.C]
    assert len(c_files) == len({document.text for document in c_files}) == 90


@pytest.mark.usefixtures("library_alone")
def test_the_same_files_give_the_same_documents_and_less_text_is_their_beginning() -> None:
    everything, again = list(documents(60_000)), list(documents(60_000))
    assert again == everything
    python = [document for document in everything if document.domain is Domain.PYTHON]
    less = [document for document in documents(20_000) if document.domain is Domain.PYTHON]
    assert less == python[: len(less)]
    assert 0 < len(less) < len(python)


@pytest.mark.usefixtures("library_alone")
def test_missing_tables_are_made() -> None:
    found = Counter(document.domain for document in documents(30_000))
    assert set(found) == set(Domain)
    assert found[Domain.TABLES] > 10


def test_no_two_generated_tables_are_alike_and_all_are_mostly_digits() -> None:
    tables = list(islice(generated_tables(), 200))
    assert len({text.content_digest(table) for table in tables}) == 200
    assert tables == list(islice(generated_tables(), 200))
    for table in tables:
        characters = "".join(table.split())
        assert sum(map(str.isdigit, characters)) > 0.5 * len(characters)


def test_text_is_of_this_machine() -> None:
    assert sysconfig.get_path("stdlib") in text.places()
    found = list(documents(30_000))
    assert {document.domain for document in found} == set(Domain)


@pytest.mark.parametrize("content", [b"\xff\xfe" * 500, b"x = 1", b"x = 1\n" * 9_000], ids=len)
def test_files_that_are_no_typical_text_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    (tmp_path / "file.py").write_bytes(content)
    monkeypatch.setattr(text, "places", lambda: [str(tmp_path)])
    assert {document.domain for document in documents(5_000)} == {Domain.TABLES}


def test_a_text_of_digits_is_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = "\n".join(f"{n},{n * n},{n**3}" for n in range(100))
    (tmp_path / "numbers.txt").write_text(numbers)
    monkeypatch.setattr(text, "places", lambda: [str(tmp_path)])
    assert numbers in {d.text for d in documents(5_000) if d.domain is Domain.TABLES}


def test_prose_is_taken_out_of_code_and_manuals() -> None:
    told = "What this does, at length, so that it is taken." * 4
    source = f'def f():\n    """{told}"""\n\n\ndef g():\n    """Short."""\n'
    assert docstrings(source) == told
    assert docstrings("def broken(:\n") == ""
    manual = ".TH LS 1\n.SH NAME\nls \\- list \\fIfiles\\fR\n'br\nwith \\&dots\n"
    assert plain_manual(manual) == "ls - list files\nwith dots"


def test_a_machine_without_c_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tinymoe.prepare import TooLittleText, prepare  # noqa: PLC0415 - seconds
    from tinymoe.sizes import SIZES  # noqa: PLC0415 - with it

    for number in range(20):
        (tmp_path / f"{number}.py").write_text(f"value_{number} = {number}\n" * 60)
        (tmp_path / f"{number}.md").write_text(f"Chapter {number}, which says nothing.\n" * 60)
    monkeypatch.setattr(text, "places", lambda: [str(tmp_path)])
    with pytest.raises(TooLittleText, match="too little text of c"):
        prepare(SIZES["mini"], tmp_path / "out")
