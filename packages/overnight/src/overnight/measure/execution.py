"""One execution of a study's command: its metrics, and what stands against them."""

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from overnight.brief import one_line
from overnight.durations import format_duration
from overnight.measure.metrics import Reading, read_metrics
from overnight.processes.supervisor import Command, EndedBy, Ending, Limits
from overnight.sandbox.base import Caps, Room
from overnight.types import Outcome
from overnight.untrusted import read_small_file

METRICS_FILE = "metrics.json"
_MOST_METRICS_FILE_BYTES = 2**20
_TAIL_BYTES = 8192
_MIB = 2**20
_FILE_TOO_LARGE = 25  # SIGXFSZ, what the kernel sends at the limit of a file's size
_SHELL_SIGNAL_BASE = 128
_NO_ROOM = (errno.EFBIG, errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an execution has no usable result."""

    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class Execution:
    """How a command ended and what it reported."""

    ending: Ending
    reading: Reading
    failure: Failure | None


def execute(
    line: str,
    *,
    room: Room,
    cwd: Path,
    env: Mapping[str, str],
    log: Path,
    limits: Limits,
    output_dir: Path,
    children: Path | None = None,
) -> Execution:
    """Run a line of shell in a room and read what it reports.

    Args:
        log: File for its output.
        output_dir: Where it may write its metrics file.
        children: File for what only children of its program print.
    """
    metrics_file = output_dir / METRICS_FILE
    command = Command(
        argv=("/bin/sh", "-c", line),
        cwd=cwd,
        env={
            **env,
            "PWD": str(cwd),
            "OVERNIGHT_METRICS": str(metrics_file),
            "GIT_CEILING_DIRECTORIES": str(cwd.parent),
        },
    )
    ending = room.run(command, output=log, limits=limits, children=children)
    written = read_small_file(metrics_file, most_bytes=_MOST_METRICS_FILE_BYTES)
    reading = read_metrics(log.read_bytes(), written)
    return Execution(ending, reading, _failure(ending, log, limits, room))


def _failure(ending: Ending, log: Path, limits: Limits, room: Room) -> Failure | None:
    caps = room.caps
    match ending.ended_by:
        case EndedBy.STOP:
            return Failure(Outcome.INTERRUPTED, "Stopped on request.")
        case EndedBy.NOT_STARTED:
            return Failure(Outcome.CRASH, f"It could not be started: {ending.detail}")
        case EndedBy.DEADLINE | EndedBy.SILENCE:
            limit = format_duration(limits.deadline_s)
            return Failure(Outcome.TIMEOUT, f"Not done after {limit}; killed.")
        case EndedBy.MEMORY | EndedBy.PROCESSES | EndedBy.DISK:
            return _used_up(ending, caps)
    return _failure_of_code(ending.code or 0, log, caps.disk_bytes)


def _used_up(ending: Ending, caps: Caps) -> Failure:
    if ending.ended_by is EndedBy.MEMORY:
        used, allowed = ending.peak_memory_bytes, caps.memory_bytes or 0
        reason = f"It held {_mib(used)} of memory, {_mib(allowed)} are allowed; killed."
        return Failure(Outcome.OUT_OF_MEMORY, reason)
    if ending.ended_by is EndedBy.PROCESSES:
        reason = f"It had {ending.peak_processes} processes, {caps.processes} are allowed; killed."
        return Failure(Outcome.TOO_MANY_PROCESSES, reason)
    return Failure(Outcome.OUT_OF_DISK, _disk_used_up(caps))


def _disk_used_up(caps: Caps) -> str:
    free = f"less than {_mib(caps.free_disk_bytes or 0)} was free on the disk"
    if caps.disk_bytes is None:
        return f"While it ran, {free}; killed."
    return f"It wrote more than {_mib(caps.disk_bytes)}, or {free}; killed."


def _failure_of_code(code: int, log: Path, disk_bytes: int | None) -> Failure | None:
    if code == 0:
        return None
    signal_number = -code if code < 0 else max(0, code - _SHELL_SIGNAL_BASE)
    if signal_number == _FILE_TOO_LARGE:
        return Failure(Outcome.OUT_OF_DISK, f"It wrote a file of over {_mib(disk_bytes or 0)}.")
    last = last_line(log)
    if any(os.strerror(number) in last for number in _NO_ROOM):
        return Failure(Outcome.OUT_OF_DISK, f"It could not write any more: {last}")
    how = f"exit code {code}" if code > 0 else f"signal {-code}"
    return Failure(
        Outcome.CRASH, f"It ended with {how}: {last}" if last else f"It ended with {how}."
    )


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / _MIB:.0f} MiB"


def last_line(log: Path) -> str:
    """The last line of an output that says anything, safe to show."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    told = [line for line in lines if line.strip()]
    return one_line(told[-1]) if told else ""
