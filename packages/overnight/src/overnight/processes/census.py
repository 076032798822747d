"""What a command's processes use while they run, and whether that is more than they may."""

import contextlib
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
SHARE_OF_TIME = 0.01  # of one processor, which counting may cost
SHORTEST_PAUSE_S = 0.1
SHORTEST_DISK_PAUSE_S = 1.0


class Allowance(NamedTuple):
    """What all processes of a command may use together; None for no limit."""

    memory_bytes: int | None
    processes: int | None
    disk_bytes: int | None
    disk_paths: Sequence[bytes]


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
        self._disk_at = time.monotonic() + SHORTEST_DISK_PAUSE_S

    def take(self, pids: Iterable[int]) -> str | None:
        """Count; returns which limit is passed: ``memory``, ``processes``, ``disk``, or None."""
        began = time.monotonic()
        alive = list(pids)
        self.peak_processes = max(self.peak_processes, len(alive))
        self.peak_memory_bytes = max(self.peak_memory_bytes, memory_bytes(alive))
        passed = self._passed()
        self.next_at = _after_pause(began, SHORTEST_PAUSE_S)
        return passed

    def _passed(self) -> str | None:
        may = self._allowance
        if may.processes is not None and self.peak_processes > may.processes:
            return "processes"
        if may.memory_bytes is not None and self.peak_memory_bytes > may.memory_bytes:
            return "memory"
        if may.disk_bytes is not None and time.monotonic() >= self._disk_at:
            began = time.monotonic()
            used = disk_bytes(may.disk_paths)
            self._disk_at = _after_pause(began, SHORTEST_DISK_PAUSE_S)
            return "disk" if used > may.disk_bytes else None
        return None


def memory_bytes(pids: Iterable[int]) -> int:
    """Resident memory of some processes; what they share is counted once."""
    own = shared = 0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError, IndexError):
            pages = Path(f"/proc/{pid}/statm").read_bytes().split()
            own += int(pages[1]) - int(pages[2])
            shared = max(shared, int(pages[2]))
    return (own + shared) * PAGE_BYTES


def disk_bytes(paths: Iterable[bytes]) -> int:
    """What the files below some directories take on the disk; links are not followed."""
    total = 0
    pending = list(paths)
    while pending:
        with contextlib.suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
    return total


def _after_pause(began: float, shortest_s: float) -> float:
    now = time.monotonic()
    return now + max(shortest_s, (now - began) / SHARE_OF_TIME)
