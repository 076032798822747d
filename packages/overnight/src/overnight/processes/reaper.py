"""The helper program that owns every process of a command; `supervisor` starts and talks to it.

It uses nothing but the standard library, stays warm over many commands, and ends when the harness
does, however that ends. One JSON object a line goes over the control socket::

    in   {"do": "run", "argv": [...], "cwd": ..., "env": {...}, "stdin": text or null,
          "own_keyring": true or false,
          "output": path, "errors": path or null, "children": path or null,
          "deadline_s": ..., "silence_s": number or null, "output_bytes": ...,
          "memory_bytes": number or null, "processes": number or null,
          "disk_bytes": number or null, "free_disk_bytes": number or null, "disk_paths": [...]}
         {"do": "stop"}
    out  {"event": "started", "pid": ...}
         {"event": "ended", ...}                          the fields of `supervisor.Ending`
         {"event": "refused", "errno": ..., "path": ...}  an output file cannot be opened

On Linux it is the child subreaper of everything it starts, so a process that forks twice or opens
a session of its own still comes back to it, and having no child left proves that the tree is gone.
Elsewhere (macOS) it falls back to the command's process group and the children still linked to
it; a daemon that left both escapes.
"""

import contextlib
import json
import math
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any

from overnight.processes.authorship import is_program
from overnight.processes.capture import AttributedStream, Sink, Stream
from overnight.processes.census import Allowance, Census
from overnight.processes.keyring import renew_session_keyring
from overnight.processes.spawn import NotStarted, spawn
from overnight.processes.tree import Tree

LIMIT_GRACE_S = 1.0
STOP_GRACE_S = 0.1
LONGEST_WAIT_S = 3600.0
MESSAGE_BYTES = 1024 * 1024


class Harness:
    """The process at the other end of the control socket.

    Attributes:
        requests: Commands to run that nobody has taken up yet.
        wants_stop: The latest command should end.
        is_gone: The harness closed the socket or died.
    """

    def __init__(self, control: socket.socket, selector: selectors.BaseSelector) -> None:
        self.requests: list[dict[str, Any]] = []
        self.wants_stop = False
        self.is_gone = False
        self._control = control
        self._received = bytearray()
        selector.register(control, selectors.EVENT_READ, self._receive)
        # A fork of the harness may hold the socket open after its death; a pidfd still tells.
        with contextlib.suppress(AttributeError, OSError):
            selector.register(os.pidfd_open(os.getppid()), selectors.EVENT_READ, self._lose)

    def send(self, message: Mapping[str, object]) -> None:
        """Tell the harness something; its death in the meantime shows in `is_gone`."""
        try:
            self._control.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            self._lose()

    def _receive(self) -> None:
        try:
            data = self._control.recv(MESSAGE_BYTES)
        except OSError:
            data = b""
        if not data:
            self._lose()
        self._received += data
        if b"\n" not in data:
            return
        *lines, self._received = self._received.split(b"\n")
        for message in map(json.loads, lines):
            self.wants_stop = message["do"] == "stop"
            if message["do"] == "run":
                self.requests.append(message)

    def _lose(self) -> None:
        self.is_gone = True


class Run:
    """One command from its start to the end of its last process.

    Raises:
        OSError: An output file cannot be opened.
    """

    def __init__(
        self,
        request: dict[str, Any],
        *,
        harness: Harness,
        tree: Tree,
        selector: selectors.BaseSelector,
    ) -> None:
        self._request = request
        self._harness = harness
        self._tree = tree
        self._selector = selector
        self._ended_by = "itself"
        self._kill_at = math.inf
        self._census = Census(_allowance(request))
        self._streams: list[Stream] = []
        try:
            for path in filter(None, (request["output"], request["errors"])):
                self._streams.append(self._stream(path))
        except OSError:
            self._close_streams()
            raise

    def _stream(self, path: str) -> Stream:
        sink = self._sink(path)
        if self._request["children"] is None:
            return Stream(sink, self._selector)
        return AttributedStream(
            sink,
            self._sink(self._request["children"]),
            self._selector,
            is_program=lambda pid: is_program(pid, main=self._tree.main),
        )

    def _sink(self, path: str) -> Sink:
        return Sink(os.fsdecode(_raw(path)), limit_bytes=self._request["output_bytes"])

    def execute(self) -> dict[str, object]:
        """Run it; returns the message about its end."""
        started_at = time.monotonic()
        try:
            self._tree.track(self._spawn())
        except NotStarted as reason:
            return self._ended(by="not started", code=None, duration_s=0.0, problem=str(reason))
        self._harness.send({"event": "started", "pid": self._tree.main})
        self._watch(started_at)
        unkillable = self._tree.kill_all()
        code = self._tree.main_code
        return self._ended(
            by=self._ended_by,
            code=-signal.SIGKILL if code is None else code,
            duration_s=min(self._tree.main_ended_at, time.monotonic()) - started_at,
            problem=f"processes {unkillable} could not be killed" if unkillable else "",
        )

    def _spawn(self) -> int:
        stdin = self._request["stdin"]
        if self._request["own_keyring"]:
            renew_session_keyring()
        writers = [stream.writer for stream in self._streams]
        try:
            return spawn(
                [_raw(word) for word in self._request["argv"]],
                cwd=_raw(self._request["cwd"]),
                environ={_raw(k): _raw(value) for k, value in self._request["env"].items()},
                stdin=None if stdin is None else _raw(stdin),
                outputs=(writers[0], writers[-1]),
            )
        finally:
            for stream in self._streams:
                stream.close_writer()

    def _watch(self, started_at: float) -> None:
        """Wait until the main process has ended or its time to end in peace is over."""
        deadline = started_at + self._request["deadline_s"]
        silence_s = self._request["silence_s"] or math.inf
        while self._tree.main_code is None and not self._harness.is_gone:
            now = time.monotonic()
            if now >= self._kill_at:
                return
            silent_at = max(stream.last_heard for stream in self._streams) + silence_s
            if now >= self._census.next_at and (passed := self._look_around()):
                self._ended_by = passed
                return
            if self._harness.wants_stop:
                self._ask_to_end("stop", kill_at=now + STOP_GRACE_S)
            elif now >= deadline:
                self._ask_to_end("deadline", kill_at=now + LIMIT_GRACE_S)
            elif now >= silent_at:
                self._ask_to_end("silence", kill_at=now + LIMIT_GRACE_S)
            next_look = min(deadline, silent_at) if self._kill_at == math.inf else self._kill_at
            _dispatch(self._selector, until=min(next_look, self._census.next_at))

    def _look_around(self) -> str | None:
        """Count what runs now, and see who it is; returns which limit is passed."""
        pids = self._tree.pids()
        for stream in self._streams:
            stream.meet(pids)
        return self._census.take(pids)

    def _ask_to_end(self, by: str, *, kill_at: float) -> None:
        if self._kill_at == math.inf:
            self._ended_by = by
            self._tree.ask_to_end()
        self._kill_at = min(self._kill_at, kill_at)

    def _ended(
        self, *, by: str, code: int | None, duration_s: float, problem: str
    ) -> dict[str, object]:
        self._close_streams()
        sinks = [sink for stream in self._streams for sink in stream.sinks]
        return {
            "event": "ended",
            "ended_by": by,
            "code": code,
            "duration_s": duration_s,
            "printed_bytes": sum(sink.printed_bytes for sink in sinks),
            "leftovers": len(self._tree.killed),
            "cpu_s": self._tree.cpu_s,
            "peak_memory_bytes": max(self._census.peak_memory_bytes, self._tree.largest_bytes),
            "peak_processes": self._census.peak_processes,
            "detail": "; ".join(filter(None, [problem, *(sink.fault for sink in sinks)])),
        }

    def _close_streams(self) -> None:
        for stream in self._streams:
            stream.close()


def _allowance(request: Mapping[str, Any]) -> Allowance:
    return Allowance(
        memory_bytes=request["memory_bytes"],
        processes=request["processes"],
        disk_bytes=request["disk_bytes"],
        free_disk_bytes=request["free_disk_bytes"],
        disk_paths=[_raw(path) for path in request["disk_paths"]],
    )


def _raw(text: str) -> bytes:
    """The bytes that the harness had, whatever the locale of either side."""
    return text.encode("utf-8", "surrogateescape")


def _dispatch(selector: selectors.BaseSelector, *, until: float) -> None:
    wait_s = max(0.0, min(until - time.monotonic(), LONGEST_WAIT_S))
    for key, _ in selector.select(wait_s):
        key.data()


def serve(control: socket.socket) -> None:
    """Run commands one after the other until the harness is gone."""
    selector = selectors.DefaultSelector()
    harness = Harness(control, selector)
    tree = Tree(selector)
    while not harness.is_gone:
        if not harness.requests:
            _dispatch(selector, until=math.inf)
            continue
        request = harness.requests.pop(0)
        tree.track(0)
        try:
            run = Run(request, harness=harness, tree=tree, selector=selector)
        except OSError as error:
            harness.send({"event": "refused", "errno": error.errno, "path": error.filename})
        else:
            harness.send(run.execute())


def main() -> None:
    """Serve on the control socket whose descriptor is the last argument."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    control = socket.socket(fileno=int(sys.argv[-1]))
    control.set_inheritable(False)
    serve(control)


if __name__ == "__main__":
    main()
