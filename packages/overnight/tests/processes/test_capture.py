import re
import selectors
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.processes.capture import Sink, Stream

MARKER = re.compile(rb"\[overnight: (\d+) bytes left out here\]\n")


def captured(path: Path, chunks: list[bytes], *, limit_bytes: int) -> bytes:
    sink = Sink(str(path), limit_bytes=limit_bytes)
    for chunk in chunks:
        sink.take(chunk)
    sink.finish()
    assert sink.printed_bytes == sum(map(len, chunks))
    assert sink.fault == ""
    return path.read_bytes()


@given(chunks=st.lists(st.binary(max_size=300), max_size=20), half=st.integers(1, 400))
def test_every_byte_is_kept_or_counted(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes], half: int
) -> None:
    printed = b"".join(chunks)
    kept = captured(tmp_path_factory.getbasetemp() / "bytes", chunks, limit_bytes=2 * half)
    if len(printed) <= 2 * half:
        assert kept == printed
        return
    head, left_out, tail = MARKER.split(kept)
    added_line_end = len(head) + int(left_out) + len(tail) - len(printed)
    assert added_line_end in (0, 1)
    assert printed.startswith(head[: len(head) - added_line_end])
    assert printed.endswith(tail)
    assert len(head) - added_line_end <= half
    assert len(tail) <= half


@given(lines=st.lists(st.integers(0, 10**9), min_size=1, max_size=300), half=st.integers(20, 400))
def test_lines_at_the_cut_stay_whole(
    tmp_path_factory: pytest.TempPathFactory, lines: list[int], half: int
) -> None:
    chunks = [f"{line}\n".encode() for line in lines]
    kept = captured(tmp_path_factory.getbasetemp() / "lines", chunks, limit_bytes=2 * half)
    assert set(MARKER.sub(b"", kept).splitlines(keepends=True)) <= set(chunks)


def test_a_line_without_end_is_cut_where_the_half_ends(tmp_path: Path) -> None:
    kept = captured(tmp_path / "long", [b"a" * 300_000, b"b" * 300_000], limit_bytes=200_000)
    marker = b"\n[overnight: 400000 bytes left out here]\n"
    assert kept == b"a" * 100_000 + marker + b"b" * 100_000


def test_the_file_grows_while_output_comes(tmp_path: Path) -> None:
    path = tmp_path / "live"
    sink = Sink(str(path), limit_bytes=1000)
    sink.take(b"first\n")
    assert path.read_bytes() == b"first\n"
    sink.finish()


def test_what_does_not_fit_on_the_disk_is_counted_and_told() -> None:
    sink = Sink("/dev/full", limit_bytes=100)
    sink.take(b"x" * 60)
    sink.take(b"y" * 60)
    sink.finish()
    assert sink.printed_bytes == 120
    assert sink.fault.endswith("could not be written any further: No space left on device")


def test_what_is_left_in_a_pipe_at_the_end_is_taken(tmp_path: Path) -> None:
    with selectors.DefaultSelector() as selector:
        stream = Stream(Sink(str(tmp_path / "pipe"), limit_bytes=100), selector)
        with open(stream.writer, "wb", closefd=False) as writer:
            writer.write(b"last words")
        stream.close()
        assert not selector.get_map()
    assert (tmp_path / "pipe").read_bytes() == b"last words"
