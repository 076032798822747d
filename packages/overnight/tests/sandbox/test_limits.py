"""Limits that a command means to get around, with its own means."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from overnight.processes.census import THREADS_PER_PROCESS
from overnight.processes.supervisor import EndedBy, Limits
from overnight.testing.sandbox_site import PATIENT, Box, Site

MakeBox = Callable[..., Box]
MIB = 2**20
FORK_BOMB = "import os\nwhile True: os.fork()"
THREADS = """
import threading, time
started = 0
try:
    while True:
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
        started += 1
except RuntimeError:
    print(started)
"""
MANY_OWN = """
import mmap, os, time
for _ in range(8):
    shared = mmap.mmap(-1, 40 << 20)
    if os.fork() == 0:
        shared.write(bytes(40 << 20))
        time.sleep(1000)
time.sleep(1000)
"""
MANY_SHARING = """
import os, time
held = bytearray(os.urandom(1 << 20) * 60)
for _ in range(6):
    if os.fork() == 0:
        time.sleep(1000)
time.sleep(0.7)
print("well")
"""
MAPPED_FILE = """
import mmap, time
with open("data", "r+b") as file:
    content = mmap.mmap(file.fileno(), 0)
total = sum(content[place] for place in range(0, len(content), 4096))
time.sleep(0.5)
print("well", total)
"""
UNLINKED = """
import os, time
files = []
for name in "abcd":
    files.append(open(name, "wb"))
    os.unlink(name)
    files[-1].write(os.urandom(1 << 20))
    files[-1].flush()
time.sleep(1000)
"""
DEEP = """
import os, time
for _ in range(150):
    os.mkdir("d" * 100)
    os.chdir("d" * 100)
for name in "abcd":
    open(name, "wb").write(os.urandom(1 << 20))
time.sleep(1000)
"""


def limited(box: Box, source: str, limits: Limits) -> EndedBy:
    ended_by = box.run(sys.executable, "-ISc", source, limits=limits).ending.ended_by
    assert box.site.alive() == []
    return ended_by


def test_a_fork_bomb(box: Box) -> None:
    """It ends, and the machine goes on as before."""
    assert limited(box, FORK_BOMB, replace(PATIENT, processes=30)) is EndedBy.PROCESSES
    assert len(psutil.pids()) < 2000


def test_a_bomb_of_threads(box: Box) -> None:
    """The kernel stops it; of root it counts nothing, so the census does."""
    told = box.python(THREADS, limits=replace(PATIENT, processes=30))
    assert told.ending.ended_by is EndedBy.PROCESSES or int(told.output) <= 30 * THREADS_PER_PROCESS


def test_memory_that_each_process_shares_with_nobody(box: Box) -> None:
    """Mapped as shared, so that it looks as if it counted once."""
    assert limited(box, MANY_OWN, replace(PATIENT, memory_bytes=200 * MIB)) is EndedBy.MEMORY


def test_memory_that_processes_share_counts_once(box: Box) -> None:
    """As the workers of a data loader share the data set of the process that they are forks of."""
    told = box.python(MANY_SHARING, limits=replace(PATIENT, memory_bytes=200 * MIB))
    assert told.output == "well\n"


def test_files_that_are_mapped_do_not_count_as_memory(box: Box) -> None:
    """The system takes back what it needs of them."""
    (box.site.tree / "data").write_bytes(bytes(200 * MIB))
    told = box.python(MAPPED_FILE, limits=replace(PATIENT, memory_bytes=100 * MIB))
    assert told.output == "well 0\n"


@pytest.mark.parametrize("source", [UNLINKED, DEEP], ids=["unlinked", "deep"])
def test_files_that_are_hard_to_find(box: Box, source: str) -> None:
    limits = replace(PATIENT, disk_bytes=2 * MIB, disk_paths=(box.site.tree,))
    assert limited(box, source, limits) is EndedBy.DISK


@pytest.mark.parametrize("place", ["/tmp", "/var/tmp", "~", "~/.cache/uv"])  # noqa: S108 (its own)
def test_files_in_places_of_its_own(site: Site, make_box: MakeBox, place: str) -> None:
    """What is thrown away afterwards takes disk before."""
    (site.home / ".cache/uv").mkdir(parents=True)
    limits = replace(PATIENT, disk_bytes=2 * MIB)
    script = f"cd {place} && head -c 1500000 /dev/urandom >a; cp a b; cp a c; sleep 1000"
    assert make_box().sh(script, limits=limits).ending.ended_by is EndedBy.DISK


def test_one_file_that_is_too_large(box: Box) -> None:
    """At once, however fast it is written."""
    told = box.sh("exec head -c 9000000 /dev/zero >file", limits=replace(PATIENT, disk_bytes=MIB))
    assert told.ending.code in (-25, 128 + 25)  # SIGXFSZ
    assert (box.site.tree / "file").stat().st_size <= MIB


def test_a_disk_that_is_nearly_full(box: Box) -> None:
    limits = replace(PATIENT, free_disk_bytes=2**62, disk_paths=(box.site.tree,))
    assert box.sh("sleep 1000", limits=limits).ending.ended_by is EndedBy.DISK


def test_what_it_used_is_told(box: Box) -> None:
    source = "held = bytearray(80 << 20); import time; time.sleep(0.3); sum(range(5_000_000))"
    ending = box.python(source).ending
    assert 80 * MIB <= ending.peak_memory_bytes < 400 * MIB
    assert ending.cpu_s > 0.05
    assert ending.peak_processes >= 1


def test_it_goes_before_the_harness_when_memory_is_out(box: Box) -> None:
    own = int(Path("/proc/self/oom_score_adj").read_text())
    assert int(box.sh("cat /proc/self/oom_score_adj").output) > own


def test_no_core_is_dumped(box: Box) -> None:
    box.sh("ulimit -c unlimited; kill -ABRT $$")
    assert [path.name for path in box.site.tree.iterdir()] == []


def test_limits_cannot_be_raised(box: Box) -> None:
    told = box.sh("ulimit -f unlimited; ulimit -f", limits=replace(PATIENT, disk_bytes=MIB))
    assert "unlimited" not in told.output
