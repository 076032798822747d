"""Counting what a command's processes use while they run, and whether they may."""

import sys
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from overnight.processes.usage import disk_bytes, free_bytes, held, memory_bytes

THREADS_PER_PROCESS = 16  # on average, since a study limits processes and a flood can be of both
SHARE_OF_TIME = 0.01  # of one processor, which counting may cost
SHARE_WHEN_IN_DOUBT = 0.05
SMALL_SHARE = 0.05  # of memory, which may count too often
SHORTEST_PAUSE_S = 0.1
SHORTEST_DISK_PAUSE_S = 1.0
DISK_SLICE_S = 0.002  # of a look at the disk, so that it holds up nothing else


class Allowance(NamedTuple):
    """What all processes of a command may use together; None for no limit.

    Attributes:
        disk_bytes: What may lie in `disk_paths`.
        free_disk_bytes: What must stay free on their disks.
    """

    memory_bytes: int | None = None
    processes: int | None = None
    disk_bytes: int | None = None
    free_disk_bytes: int | None = None
    disk_paths: Sequence[bytes] = ()


class Census:
    """Counts processes, memory and files from time to time, rarely enough not to disturb.

    Attributes:
        peak_memory_bytes: The most memory that was seen in use.
        peak_processes: The most processes that were seen at once.
        next_at: Monotonic time of the next count.
    """

    def __init__(self, allowance: Allowance) -> None:
        self.peak_memory_bytes = 0
        self.peak_processes = 0
        self.next_at = time.monotonic() + SHORTEST_PAUSE_S / 4
        self._allowance = allowance
        self._memory_at = self._memory_took_s = 0.0
        self._disk_at = time.monotonic() + SHORTEST_DISK_PAUSE_S
        self._disk: Iterator[int] | None = None

    def take(self, pids: Sequence[int]) -> str | None:
        """Count; returns which limit is passed: ``memory``, ``processes``, ``disk``, or None."""
        may, began = self._allowance, time.monotonic()
        self.peak_processes = max(self.peak_processes, len(pids))
        if may.processes is not None and len(pids) > may.processes:
            return "processes"
        alive = [held(pid) for pid in pids]
        now = time.monotonic()
        self.next_at = now + max(SHORTEST_PAUSE_S, (now - began) / SHARE_OF_TIME)
        threads = sum(process.threads for process in alive)
        if may.processes is not None and threads > may.processes * THREADS_PER_PROCESS:
            return "processes"
        if self._is_too_much_memory(pids, [process.memory_bytes for process in alive]):
            return "memory"
        return "disk" if self._is_too_much_disk(pids) else None

    def _is_too_much_memory(self, pids: Sequence[int], held: Sequence[int]) -> bool:
        """Whether memory is used up; what processes share is only looked into where it matters."""
        total, may = sum(held), self._allowance.memory_bytes or sys.maxsize
        if total <= self.peak_memory_bytes:
            return False
        if total - max(held) > total * SMALL_SHARE:
            share = SHARE_WHEN_IN_DOUBT if total > may else SHARE_OF_TIME
            began = time.monotonic()
            if began < self._memory_at + self._memory_took_s / share:
                return False
            total = memory_bytes(pids)
            self._memory_at, self._memory_took_s = began, time.monotonic() - began
        self.peak_memory_bytes = max(self.peak_memory_bytes, total)
        return total > may

    def _is_too_much_disk(self, pids: Sequence[int]) -> bool:
        may = self._allowance
        if may.free_disk_bytes is not None and free_bytes(may.disk_paths) < may.free_disk_bytes:
            return True
        return may.disk_bytes is not None and self._on_disk(pids) > may.disk_bytes

    def _on_disk(self, pids: Sequence[int]) -> int:
        """Go on with a look at the disk for a moment; what it has found so far."""
        began, found = time.monotonic(), 0
        if began < self._disk_at:
            return 0
        if self._disk is None:
            self._disk = disk_bytes(self._allowance.disk_paths, pids)
        for found in self._disk:
            if time.monotonic() - began > DISK_SLICE_S:
                return found
        self._disk = None
        self._disk_at = time.monotonic() + SHORTEST_DISK_PAUSE_S
        return found
