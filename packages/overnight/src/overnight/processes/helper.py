"""The harness's end of the conversation with `reaper`."""

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

_SOURCES = Path(__file__).parents[2]
# Sources come last on the path, so that nothing beside them can shadow the standard library.
_BOOT = (
    "import sys; sys.path.append(sys.argv[1]); from overnight.processes.reaper import main; main()"
)
_GOODBYE_S = 15.0
_LONGEST_WAIT_S = 3600.0
_MESSAGE_BYTES = 64 * 1024


class HelperDied(Exception):
    """The helper process ended or fell silent; says how."""


class Helper:
    """A started helper process.

    Attributes:
        main: Process id of the latest command's main process, None while there is none.
    """

    def __init__(self) -> None:
        self.main: int | None = None
        self._received = b""
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115  # `close` closes it
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-ISuc", _BOOT, str(_SOURCES), str(theirs.fileno())],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._complaints,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def pin(self, cpus: Collection[int]) -> None:
        """Have the helper, and with it every command, run on these processors (Linux)."""
        with contextlib.suppress(ProcessLookupError):  # `send` says that it is gone
            os.sched_setaffinity(self._process.pid, cpus)

    def send(self, message: Mapping[str, object]) -> None:
        """Hand over one message.

        Raises:
            HelperDied: There is nobody to hand it to.
        """
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            raise HelperDied(self._last_words()) from None

    def wait_for_answer(self, *, stop: int, patience_s: float) -> dict[str, Any]:
        """Wait until the command has ended, and pass on a wish to stop in the meantime.

        Args:
            stop: Descriptor that becomes readable when the command should end.

        Raises:
            HelperDied: No answer will come, or none came in time.
        """
        overdue_at = time.monotonic() + patience_s
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            selector.register(stop, selectors.EVENT_READ)
            while (left_s := overdue_at - time.monotonic()) > 0:
                ready = {key.fileobj for key, _ in selector.select(min(left_s, _LONGEST_WAIT_S))}
                if stop in ready:
                    selector.unregister(stop)
                    self.send({"do": "stop"})
                if self._socket not in ready:
                    continue
                for message in self._receive():
                    if message["event"] != "started":
                        return message
                    self.main = message["pid"]
        raise HelperDied("did not answer in time")

    def close(self) -> None:
        """End the helper and with it whatever it runs."""
        self._socket.close()
        try:
            self._process.wait(_GOODBYE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._complaints.close()

    def _receive(self) -> Iterator[dict[str, Any]]:
        try:
            data = self._socket.recv(_MESSAGE_BYTES)
        except ConnectionError:
            data = b""
        if not data:
            raise HelperDied(self._last_words())
        *lines, self._received = (self._received + data).split(b"\n")
        yield from map(json.loads, lines)

    def _last_words(self) -> str:
        code = self._process.wait()
        if code < 0:
            return f"was killed by {signal.Signals(-code).name}"
        self._complaints.seek(0)
        words = self._complaints.read().decode(errors="replace").strip()
        return f"ended with status {code}: {words.rpartition(chr(10))[2] or 'it said nothing'}"
