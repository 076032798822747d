"""The output of a command on its way into files of bounded size."""

import contextlib
import fcntl
import os
import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterable

READ_BYTES = 256 * 1024
PIPE_BYTES = 1024 * 1024
LINE_SEARCH_BYTES = 64 * 1024
CREDENTIALS = struct.Struct("3i")  # pid, uid, gid, as Linux sends them


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
        self.last_heard = time.monotonic()
        self._sink = sink
        self._selector = selector
        self._reader, self.writer = self._open()
        os.set_blocking(self._reader, False)
        selector.register(self._reader, selectors.EVENT_READ, self.read)

    @property
    def sinks(self) -> tuple[Sink, ...]:
        """Where the output goes."""
        return (self._sink,)

    def read(self) -> int:
        """Move what has come into a sink; 0 when there is nothing or will never be more."""
        try:
            data, sink = self._receive()
        except BlockingIOError:
            return 0
        if data:
            self.last_heard = time.monotonic()
            sink.take(data)
        else:
            self._unregister()
        return len(data)

    def meet(self, pids: Iterable[int]) -> None:
        """Take note of who may write, while it can still be found out who that is."""

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
        self._close_reader()
        for sink in self.sinks:
            sink.finish()

    def _open(self) -> tuple[int, int]:
        reader, writer = os.pipe()
        # More than the user's allowance of pipe memory is refused; the usual size then stays.
        with contextlib.suppress(AttributeError, OSError):
            fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        return reader, writer

    def _receive(self) -> tuple[bytes, Sink]:
        return os.read(self._reader, READ_BYTES), self._sink

    def _close_reader(self) -> None:
        os.close(self._reader)

    def _unregister(self) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(self._reader)


class AttributedStream(Stream):
    """A socket on which the kernel says of every byte which process wrote it; Linux only.

    A program that opens ``/dev/stdout`` anew fails on it, which is the price. Whoever is gone
    before anybody looked does not count as the program.

    Args:
        sink: For what the program itself prints.
        others: For what anybody else prints.
        is_program: Whether a process is the program itself; asked once per process.
    """

    def __init__(
        self,
        sink: Sink,
        others: Sink,
        selector: selectors.BaseSelector,
        *,
        is_program: Callable[[int], bool],
    ) -> None:
        self._others = others
        self._is_program = is_program
        self._authors: dict[int, bool] = {}
        super().__init__(sink, selector)

    @property
    def sinks(self) -> tuple[Sink, ...]:
        """Where the output goes."""
        return self._sink, self._others

    def meet(self, pids: Iterable[int]) -> None:
        """Take note of who may write, while it can still be found out who that is."""
        for pid in pids:
            if pid not in self._authors:
                self._authors[pid] = self._is_program(pid)

    def _open(self) -> tuple[int, int]:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        return self._socket.fileno(), theirs.detach()

    def _receive(self) -> tuple[bytes, Sink]:
        room = socket.CMSG_SPACE(CREDENTIALS.size)
        data, ancillary, _, _ = self._socket.recvmsg(READ_BYTES, room)
        author = next((CREDENTIALS.unpack(told)[0] for _, _, told in ancillary), 0)
        self.meet([author])
        return data, self._sink if self._authors[author] else self._others

    def _close_reader(self) -> None:
        self._socket.close()
