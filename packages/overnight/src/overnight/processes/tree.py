"""Everything that a command started: seen, killed and collected to the last process."""

import contextlib
import ctypes
import math
import os
import selectors
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

KILL_PATIENCE_S = 10.0
WAKEUP_BYTES = 64 * 1024
MAXRSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024
PR_SET_CHILD_SUBREAPER = 36  # Linux, <sys/prctl.h>


class Process(NamedTuple):
    """One line of the process table."""

    pid: int
    parent: int
    group: int
    state: str


class Tree:
    """Every process below this one.

    Attributes:
        main: The command's own process, or 0 before there is one.
        main_code: Its exit status once it has ended.
        main_ended_at: Monotonic time at which its end was seen.
        killed: Other processes that had to be killed.
        cpu_s: Processor time of everything that was collected.
        largest_bytes: The most memory that one of the collected processes held.
    """

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self.track(0)
        self._has_subreaper = _become_subreaper()
        self._wakeup, writer = os.pipe()
        os.set_blocking(self._wakeup, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        selector.register(self._wakeup, selectors.EVENT_READ, self._wake)

    def track(self, main: int) -> None:
        """Begin the account of a new command."""
        self.main = main
        self.main_code: int | None = None
        self.main_ended_at = math.inf
        self.killed: set[int] = set()
        self.cpu_s = 0.0
        self.largest_bytes = 0

    def reap(self) -> bool:
        """Collect what has ended; returns whether any child is left."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            self.cpu_s += usage.ru_utime + usage.ru_stime
            self.largest_bytes = max(self.largest_bytes, usage.ru_maxrss * MAXRSS_UNIT_BYTES)
            if pid == self.main:
                self.main_code = os.waitstatus_to_exitcode(status)
                self.main_ended_at = time.monotonic()

    def ask_to_end(self) -> None:
        """Send SIGTERM to the command's process group; around a sandbox, to those inside of it."""
        groups = {self.main}
        if _is_sandbox(self.main):
            groups = {process.group for process in self._tree()} - groups
        for group in groups:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGTERM)

    def kill_all(self) -> list[int]:
        """Kill and collect the whole tree; returns what would not die.

        Whole process groups are killed at once, which a fork cannot outrun. What forks into a
        group of its own in between is found by the next round.
        """
        give_up_at = time.monotonic() + KILL_PATIENCE_S
        pause_s = 0.001
        while self.reap() or not self._has_subreaper:
            tree = list(self._tree())
            alive = {process.pid for process in tree if process.state not in "ZX"}
            if not alive and not self._has_subreaper:
                break
            if time.monotonic() > give_up_at:
                return sorted(process.pid for process in tree)
            self.killed |= alive - {self.main}
            # A main thread that ended before the others shows as a zombie and is killed as well.
            _kill(tree)
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, 0.05)
        return []

    def pids(self) -> list[int]:
        """Every process that is alive now."""
        return [process.pid for process in self._tree() if process.state not in "ZX"]

    def _tree(self) -> Iterator[Process]:
        own_group = os.getpgrp()
        below: dict[int, list[Process]] = {}
        for process in _process_table():
            if process.group == own_group:
                continue
            if process.group == self.main:
                yield process
            below.setdefault(process.parent, []).append(process)
        parents = [os.getpid()]
        while parents:
            for process in below.pop(parents.pop(), []):
                yield process
                parents.append(process.pid)

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wakeup, WAKEUP_BYTES)
        self.reap()


def _kill(processes: Sequence[Process]) -> None:
    for target in {-process.group if process.group > 1 else process.pid for process in processes}:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(target, signal.SIGKILL)


def _is_sandbox(pid: int) -> bool:
    """Whether a process is bubblewrap, which would end at a signal and take all inside with it."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/exe").readlink().name == "bwrap"
    return False


def _become_subreaper() -> bool:
    if not sys.platform.startswith("linux"):
        return False
    return bool(ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def _process_table() -> Iterator[Process]:
    if not sys.platform.startswith("linux"):
        yield from _process_table_of_ps()
        return
    with os.scandir("/proc") as entries:
        pids = [entry.name for entry in entries if entry.name.isdigit()]
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
            try:
                stat = os.read(descriptor, 4096)
            finally:
                os.close(descriptor)
            # The name in parentheses is the program's to choose and may hold any byte.
            state, parent, group = stat[stat.rindex(b")") + 1 :].split(maxsplit=3)[:3]
            yield Process(int(pid), int(parent), int(group), state.decode())


def _process_table_of_ps() -> Iterator[Process]:
    with os.popen("ps -A -o pid= -o ppid= -o pgid= -o stat=") as table:  # noqa: S605  # constant
        for line in table:
            pid, parent, group, state = line.split(maxsplit=3)
            yield Process(int(pid), int(parent), int(group), state[0])
