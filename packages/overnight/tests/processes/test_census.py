"""Counting what real processes use, and when it is too much."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from overnight.processes import census
from overnight.processes.census import THREADS_PER_PROCESS, Allowance, Census
from overnight.processes.usage import DEEPEST, disk_bytes, free_bytes, held, memory_bytes

MIB = 2**20
Start = Callable[[str], int]
WAIT = "import sys; print(flush=True); sys.stdin.read()"
HOLD = f"held = bytearray(60 << 20); {WAIT}"
THREADS = f"""
import threading, time
for _ in range(40): threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
{WAIT}
"""
FORKED = f"""
import os, sys
held = bytearray(os.urandom(1 << 20) * 60)
for _ in range(3):
    if os.fork() == 0:
        break
{WAIT}
"""


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a program and waits for its first line; it ends with the test."""
    with ExitStack() as stack:

        def start(source: str) -> int:
            process = subprocess.Popen(
                (sys.executable, "-ISc", source),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
            stack.callback(process.communicate)
            stack.callback(os.killpg, process.pid, signal.SIGKILL)
            assert process.stdout is not None
            process.stdout.readline()
            return process.pid

        yield start


# Processes and threads.


def test_processes_are_counted(start: Start) -> None:
    pids = [start(WAIT) for _ in range(3)]
    counted = Census(Allowance(processes=3))
    assert counted.take(pids) is None
    assert counted.take(pids[:1]) is None
    assert counted.peak_processes == 3
    assert Census(Allowance(processes=2)).take(pids) == "processes"


def test_threads_count_as_well(start: Start) -> None:
    pid = start(THREADS)
    assert held(pid).threads == 41
    assert Census(Allowance(processes=41 // THREADS_PER_PROCESS)).take([pid]) == "processes"
    assert Census(Allowance(processes=1 + 41 // THREADS_PER_PROCESS)).take([pid]) is None


def test_who_is_gone_holds_nothing() -> None:
    assert held(2**22 + 1) == (0, 0)
    assert memory_bytes([2**22 + 1]) == 0
    assert Census(Allowance(memory_bytes=1, processes=1)).take([]) is None


# Memory.


def test_memory_is_counted(start: Start) -> None:
    pids = [start(HOLD), start(HOLD)]
    counted = Census(Allowance(memory_bytes=100 * MIB))
    assert counted.take(pids[:1]) is None
    assert 60 * MIB <= counted.peak_memory_bytes < 100 * MIB
    assert counted.take(pids) == "memory"
    assert counted.peak_memory_bytes >= 120 * MIB


def test_shared_memory_counts_once(start: Start) -> None:
    parent = start(FORKED)
    give_up_at = time.monotonic() + 20
    while len(pids := [parent, *_children(parent)]) < 4:
        assert time.monotonic() < give_up_at, "the children never came"
    assert sum(held(pid).memory_bytes for pid in pids) > 120 * MIB
    assert memory_bytes(pids) < 120 * MIB
    assert Census(Allowance(memory_bytes=120 * MIB)).take(pids) is None


def _children(parent: int) -> list[int]:
    told = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(pid) for pid in told.split()]


def test_the_peak_stays(start: Start) -> None:
    counted = Census(Allowance())
    counted.take([start(HOLD)])
    peak = counted.peak_memory_bytes
    counted.take([start(WAIT)])
    assert counted.peak_memory_bytes == peak


# Disk.


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "deep/deeper").mkdir(parents=True)
    for name in ("one", "deep/two", "deep/deeper/three"):
        (tmp_path / name).write_bytes(os.urandom(MIB))
    return tmp_path


def total(*paths: Path, pids: tuple[int, ...] = ()) -> int:
    return list(disk_bytes(map(os.fsencode, paths), pids))[-1]


def test_files_are_counted(tree: Path) -> None:
    assert 3 * MIB <= total(tree) < 3.2 * MIB
    assert total(tree, tree / "deep") >= 5 * MIB
    assert total(tree / "absent") == 0


def test_links_are_not_followed(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("links")
    (place / "file").symlink_to(tree / "one")
    (place / "directory").symlink_to(tree)
    (place / "loop").symlink_to(place)
    assert total(place) < MIB
    assert total(place / "directory") < MIB, "not even where the whole is one"


def test_holes_in_files_take_nothing(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(2**40)
    assert total(tmp_path) < MIB


def test_unlinked_files_count_once_while_they_are_open(start: Start, tmp_path: Path) -> None:
    source = f"""
import os
files = []
for _ in range(3):
    files.append(open({str(tmp_path / "file")!r}, "wb"))
    files[-1].write(os.urandom(1 << 20)); files[-1].flush()
    os.unlink(files[-1].name)
files.append(os.dup(files[0].fileno()))
memory = os.memfd_create("not on a disk")
os.write(memory, bytes(1 << 20))
{WAIT}
"""
    pid = start(source)
    assert 3 * MIB <= total(tmp_path, pids=(pid, pid)) < 3.2 * MIB
    assert total(tmp_path) < MIB


def test_a_tree_without_end_is_left_at_some_depth(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(DEEPEST + 100):
        os.mkdir("d" * 60, dir_fd=here)
        deeper = os.open("d" * 60, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    with os.fdopen(os.open("deep", os.O_CREAT | os.O_WRONLY, dir_fd=here), "wb") as file:
        file.write(os.urandom(4 * MIB))
    os.close(here)
    assert 0 < total(tmp_path) < 4 * MIB


def test_a_look_at_the_disk_is_taken_in_slices(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a tree of a million files holds up no deadline; what is found so far counts."""
    monkeypatch.setattr(census, "SHORTEST_DISK_PAUSE_S", 0.0)
    monkeypatch.setattr(census, "DISK_SLICE_S", 0.0)
    counted = Census(Allowance(disk_bytes=2 * MIB, disk_paths=[os.fsencode(tree)]))
    took = [counted.take([]) for _ in range(12)]
    assert took[0] is None
    assert "disk" in took
    within = Census(Allowance(disk_bytes=4 * MIB, disk_paths=[os.fsencode(tree)]))
    assert {within.take([]) for _ in range(40)} == {None}


def test_what_must_stay_free(tmp_path: Path) -> None:
    place = [os.fsencode(tmp_path)]
    free = free_bytes(place)
    assert 0 < free < sys.maxsize
    assert free_bytes([b"/nonexistent"]) == sys.maxsize
    assert Census(Allowance(free_disk_bytes=free * 2, disk_paths=place)).take([]) == "disk"
    assert Census(Allowance(free_disk_bytes=free // 2, disk_paths=place)).take([]) is None


# When.


def test_counting_costs_little_time() -> None:
    counted = Census(Allowance())
    counted.take([os.getpid()])
    assert counted.next_at >= time.monotonic() + census.SHORTEST_PAUSE_S / 2
