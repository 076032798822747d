"""How much memory and disk a command's processes take, found out from outside."""

import contextlib
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

KIB = 1024
LINE = re.compile(rb"^(RssAnon|RssShmem|Threads|Pss_Anon|Pss_Shmem):\s*(\d+)", re.MULTILINE)
BLOCK_BYTES = 512
DEEPEST = 200
IN_MEMORY = ("/memfd:", "/dev/", "/SYSV")  # how the names of unlinked files begin that take no disk


class Held(NamedTuple):
    """What one process holds.

    Attributes:
        memory_bytes: Less that of mapped files, which the system can take back.
    """

    memory_bytes: int
    threads: int


def held(pid: int) -> Held:
    """What a process holds; nothing once it is gone."""
    table = _table(Path(f"/proc/{pid}/status"))
    kib = table.get(b"RssAnon", 0) + table.get(b"RssShmem", 0)
    return Held(kib * KIB, table.get(b"Threads", 0))


def memory_bytes(pids: Iterable[int]) -> int:
    """Memory of some processes, where what they share counts once; takes the kernel some time."""
    return sum(_own_part_bytes(pid) for pid in pids)


def _own_part_bytes(pid: int) -> int:
    """A process's memory, and of what it shares with n others an n-th part."""
    table = _table(Path(f"/proc/{pid}/smaps_rollup"))
    if not table:
        return held(pid).memory_bytes
    return (table.get(b"Pss_Anon", 0) + table.get(b"Pss_Shmem", 0)) * KIB


def _table(path: Path) -> dict[bytes, int]:
    """Those lines of a table of the kernel's that are of use here, by their names."""
    try:
        content = path.read_bytes()
    except OSError:
        return {}
    return {name: int(number) for name, number in LINE.findall(content)}


def free_bytes(paths: Iterable[bytes]) -> int:
    """What is free on the fullest of the disks that some directories are on.

    That is nothing where hardly another file can be made, however small.
    """
    free = sys.maxsize
    for path in paths:
        with contextlib.suppress(OSError):
            disk = os.statvfs(path)
            has_room = disk.f_files == 0 or disk.f_favail > disk.f_files // 100
            free = min(free, disk.f_bavail * disk.f_frsize if has_room else 0)
    return free


def disk_bytes(paths: Iterable[bytes], pids: Iterable[int] = ()) -> Iterator[int]:
    """What files take on the disk: below some directories, or unlinked and held open.

    Links are not followed, not even one that takes a directory's place meanwhile. What is deeper
    than any tree that serves a purpose is not counted.

    Args:
        pids: The processes that may hold files open.

    Yields:
        The sum so far, after each file.
    """
    total = sum(_unlinked_files(pids).values())
    yield total
    for path in paths:
        for size in _sizes_below(path):
            total += size
            yield total


def _unlinked_files(pids: Iterable[int]) -> dict[tuple[int, int], int]:
    """The size of each open file that has no name any more, by device and inode."""
    sizes = {}
    for pid in pids:
        for descriptor in _open_files(pid):
            with contextlib.suppress(OSError):
                found = descriptor.stat()
                is_file = stat.S_ISREG(found.st_mode) and found.st_nlink == 0
                if is_file and not str(descriptor.readlink()).startswith(IN_MEMORY):
                    sizes[found.st_dev, found.st_ino] = found.st_blocks * BLOCK_BYTES
    return sizes


def _open_files(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return []


def _sizes_below(root: bytes) -> Iterator[int]:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # the root is not there
        for place, directories, files, descriptor in os.fwalk(root):
            for name in (*directories, *files):
                with contextlib.suppress(OSError):
                    found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                    yield found.st_blocks * BLOCK_BYTES
            if place.count(b"/") - root.count(b"/") == DEEPEST:
                directories.clear()
