"""The output of a command on its way into files of bounded size."""

import contextlib
import fcntl
import os
import selectors
import time

READ_BYTES = 256 * 1024
PIPE_BYTES = 1024 * 1024
LINE_SEARCH_BYTES = 64 * 1024


class Sink:
    """An output file that holds all that was printed, or its beginning and its end.

    The file is written as output comes. Past its limit the second half becomes a ring, so that
    neither the file nor this process grows; `finish` puts the ring in order behind a line that
    says how much is missing. Lines are kept whole where one ends within 64 KiB of the cut, since
    half a line could read as another metric or another value.

    Attributes:
        printed_bytes: What came in all, kept or not.
        fault: Why the file is incomplete, or an empty string.

    Args:
        limit_bytes: Size of both halves together; the line between them comes on top.
    """

    def __init__(self, path: str, *, limit_bytes: int) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o666)
        self._path = path
        self._half = max(1, limit_bytes // 2)
        self._written = 0
        self.printed_bytes = 0
        self.fault = ""

    def take(self, data: bytes) -> None:
        """Append output; after a failed write it is only counted."""
        self.printed_bytes += len(data)
        if self.fault:
            return
        rest = memoryview(data)
        try:
            while rest:
                outlived = len(rest) - self._half if self._written >= self._half else 0
                if outlived > 0:
                    self._written += outlived
                    rest = rest[outlived:]
                offset, room = self._slot()
                size = os.pwrite(self._file, rest[:room], offset)
                self._written += size
                rest = rest[size:]
        except OSError as error:
            self._note(error)

    def finish(self) -> None:
        """Put the kept halves in order and close the file."""
        try:
            if self._written > 2 * self._half:
                self._straighten()
        except OSError as error:
            self._note(error)
        finally:
            os.close(self._file)

    def _slot(self) -> tuple[int, int]:
        """Where in the file the next byte belongs and how many fit there."""
        if self._written < self._half:
            return self._written, self._half - self._written
        turned = (self._written - self._half) % self._half
        return self._half + turned, self._half - turned

    def _straighten(self) -> None:
        tail = self._read_ring()
        skipped = _end_of_first_line(tail[:LINE_SEARCH_BYTES])
        searched = min(self._half, LINE_SEARCH_BYTES)
        last = os.pread(self._file, searched, self._half - searched)
        whole = max(last.rfind(b"\n"), last.rfind(b"\r")) + 1
        head_bytes = self._half - searched + whole if whole else self._half
        left_out = self._written - head_bytes - (self._half - skipped)
        marker = f"[overnight: {left_out} bytes left out here]\n".encode()
        end = self._write_all(marker if whole else b"\n" + marker, head_bytes)
        end = self._write_all(memoryview(tail)[skipped:], end)
        os.ftruncate(self._file, end)

    def _read_ring(self) -> bytearray:
        tail = bytearray(self._half)
        oldest, room = self._slot()
        with memoryview(tail) as view, open(self._file, "rb", 0, closefd=False) as file:
            file.seek(oldest)
            file.readinto(view[:room])
            file.seek(self._half)
            file.readinto(view[room:])
        return tail

    def _write_all(self, data: bytes | memoryview, offset: int) -> int:
        rest = memoryview(data)
        while rest:
            size = os.pwrite(self._file, rest, offset)
            offset += size
            rest = rest[size:]
        return offset

    def _note(self, error: OSError) -> None:
        self.fault = (
            f"{self._path} holds only part of the output, because it could not be written "
            f"any further: {error.strerror}"
        )


def _end_of_first_line(data: bytearray) -> int:
    ends = [place + 1 for place in (data.find(b"\n"), data.find(b"\r")) if place >= 0]
    return min(ends, default=0)


class Stream:
    """A pipe from the command into a sink."""

    def __init__(self, sink: Sink, selector: selectors.BaseSelector) -> None:
        self.sink = sink
        self.last_heard = time.monotonic()
        self._selector = selector
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)
        # More than the user's allowance of pipe memory is refused; the usual size then stays.
        with contextlib.suppress(AttributeError, OSError):
            fcntl.fcntl(self._reader, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        selector.register(self._reader, selectors.EVENT_READ, self.read)

    def read(self) -> int:
        """Move what has come into the sink; 0 when there is nothing or will never be more."""
        try:
            data = os.read(self._reader, READ_BYTES)
        except BlockingIOError:
            return 0
        if data:
            self.last_heard = time.monotonic()
            self.sink.take(data)
        else:
            self._unregister()
        return len(data)

    def close_writer(self) -> None:
        """Leave the writing end to the command."""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def close(self) -> None:
        """Take what is left in the pipe, however long somebody else holds it open."""
        self.close_writer()
        left = PIPE_BYTES
        while left > 0 and (size := self.read()):
            left -= size
        self._unregister()
        os.close(self._reader)
        self.sink.finish()

    def _unregister(self) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(self._reader)
