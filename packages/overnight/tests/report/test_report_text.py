import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.errors import OvernightError
from overnight.report.files import write_atomically
from overnight.report.jsons import to_json
from overnight.report.text import percent, tail, visible


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    shown = visible(text)
    assert all(c.isprintable() or c in "\n\t" for c in shown)
    if text.isprintable():
        assert shown == text


def test_controls_are_written_out() -> None:
    assert visible("a\x1b[2J\x9b\u202eb\r\n") == "a\\x1b[2J\\x9b\\u202eb\\r\n"


def test_tail_of_a_huge_binary_log_reads_its_last_part(tmp_path: Path) -> None:
    log = tmp_path / "output.log"
    with log.open("wb") as file:
        file.truncate(5_000_000_000)
        file.seek(0, os.SEEK_END)
        file.write(b"\nfirst\n\xff\xfe\x1b[31mred\x1b[0m \x1b]0;title\x07\n10%\r50%\r99%\r\n\n")
    assert tail(log, lines=3) == ["first", "\ufffd\ufffdred \\x1b]0;title\\x07", "99%"]


def test_tail_of_nothing(tmp_path: Path) -> None:
    assert tail(tmp_path / "absent", lines=5) == []
    (tmp_path / "empty").write_text("\n\n")
    assert tail(tmp_path / "empty", lines=5) == []
    assert tail(tmp_path, lines=5) == []


def test_tail_clips_long_lines(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("x" * 100_000)
    assert [len(line) for line in tail(tmp_path / "log", lines=5)] == [500]


def test_percent_of_nothing_is_nothing() -> None:
    assert percent(1.0, 0.0) is None
    assert percent(None, 2.0) is None
    assert percent(1.0, -2.0) == 50.0


def test_json_has_only_finite_numbers() -> None:
    assert to_json({"a": [float("nan"), 1.5], 3: None}) == '{"a": [null, 1.5], "3": null}'


def test_writing_replaces_what_a_link_points_to(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_writing_into_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=write_atomically, args=(tmp_path / "pipe", b"content"))
    writer.start()
    assert (tmp_path / "pipe").read_bytes() == b"content"
    writer.join()


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(OvernightError, match="absent/file cannot be written"):
        write_atomically(tmp_path / "absent" / "file", b"content")
