"""Limits by control groups, where this machine delegates them; `make test-gpu` runs these too."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from overnight.processes.supervisor import Command, EndedBy, Ending, Limits, StopSignal, Supervisor
from overnight.sandbox.cgroups import Capped, delegated, own_group

MIB = 2**20
HOG = "import time; held = bytearray({} << 20); time.sleep(30)"


@pytest.fixture
def capped() -> Iterator[Capped]:
    with Supervisor(StopSignal()) as supervisor, delegated() as group:
        if group is None:
            pytest.skip("no control group with memory and pids is delegated here")
        yield Capped(supervisor, group)
        assert [path.name for path in group.iterdir() if path.is_dir()] == []


def run(
    capped: Capped,
    tmp_path: Path,
    *argv: str,
    memory_bytes: int | None = None,
    processes: int | None = None,
) -> Ending:
    limits = Limits(deadline_s=20.0, memory_bytes=memory_bytes, processes=processes)
    command = Command(argv, tmp_path, dict(os.environ))
    return capped.run(command, output=tmp_path / "output", limits=limits)


def test_what_stays_within_its_limits_is_left_alone(capped: Capped, tmp_path: Path) -> None:
    ending = run(capped, tmp_path, "sh", "-c", "echo done; exit 3", memory_bytes=64 * MIB)
    assert (ending.ended_by, ending.code) == (EndedBy.ITSELF, 3)
    assert (tmp_path / "output").read_text() == "done\n"


def test_memory_is_never_more_than_allowed(capped: Capped, tmp_path: Path) -> None:
    ending = run(capped, tmp_path, sys.executable, "-c", HOG.format(400), memory_bytes=100 * MIB)
    assert ending.ended_by is EndedBy.MEMORY
    assert ending.duration_s < 20.0


def test_a_flood_of_processes_is_stopped(capped: Capped, tmp_path: Path) -> None:
    flood = "for i in $(seq 400); do sleep 20 & done; wait"
    ending = run(capped, tmp_path, "sh", "-c", flood, processes=8)
    assert ending.ended_by is EndedBy.PROCESSES


def test_nothing_outlives_its_group(capped: Capped, tmp_path: Path) -> None:
    ending = run(capped, tmp_path, "sh", "-c", "setsid sleep 60 & echo $!", memory_bytes=64 * MIB)
    assert ending.code == 0
    pid = int((tmp_path / "output").read_text())
    assert not Path(f"/proc/{pid}").exists()


def test_a_machine_without_delegation_is_told_apart() -> None:
    with delegated() as group:
        assert group is None or group.is_dir()
    own = own_group()
    assert own is None or (own / "cgroup.procs").exists()
