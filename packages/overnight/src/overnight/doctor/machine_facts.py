"""What the machine is, as far as nights care: read here, judged in ``checks/machine``."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from overnight.sandbox.cgroups import own_group

_SURVIVORS = ("tmux", "screen", "zellij", "abduco", "dtach", "mosh-server", "byobu", "systemd-run")
_CPU_OF_V1 = Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")


@dataclass(frozen=True, slots=True)
class Cpu:
    """Processors.

    Attributes:
        seen: As programs count them.
        allowed: Which of them this process may use.
        quota: How many its control group gives it time for; None for no limit.
        governor: How their speed is chosen, or an empty string.
        load: Processes that wanted one, on average of the last minute.
    """

    seen: int
    allowed: int
    quota: float | None = None
    governor: str = ""
    load: float = 0.0


def read_cpu() -> Cpu:
    """The processors of this machine."""
    governor = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return Cpu(
        seen=os.cpu_count() or 1,
        allowed=len(os.sched_getaffinity(0)),
        quota=_cpu_quota(),
        governor=_first_line(governor),
        load=os.getloadavg()[0],
    )


def _cpu_quota() -> float | None:
    quotas = []
    for place in _quota_files():
        words = _first_line(place).split() or ["max"]
        period = words[1] if words[1:] else _first_line(place.with_name("cpu.cfs_period_us"))
        if words[0].isdigit() and period.isdigit() and int(period) > 0:
            quotas.append(int(words[0]) / int(period))
    return min(quotas, default=None)


def _quota_files() -> list[Path]:
    """The files that hold a quota for this process, by its control group and those above it."""
    own = own_group()
    groups = [] if own is None else [own, *own.parents]
    return [*(group / "cpu.max" for group in groups), _CPU_OF_V1]


def _first_line(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace").split("\n", 1)[0].strip()
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class Mounted:
    """A file system.

    Attributes:
        kind: Such as ``ext4``.
        options: Such as ``noexec``.
    """

    kind: str
    options: tuple[str, ...] = ()


def file_system_of(place: Path) -> Mounted:
    """The file system that holds a directory."""
    real = place.resolve()
    mounts = {Path(part.mountpoint): part for part in psutil.disk_partitions(all=True)}
    for directory in (real, *real.parents):
        if directory in mounts:
            found = mounts[directory]
            return Mounted(found.fstype, tuple(found.opts.split(",")))
    return Mounted("unknown")


def clock_drift_s(pause_s: float) -> float:
    """How far the wall clock strays from the monotonic one during a pause."""
    wall, steady = time.time(), time.monotonic()
    time.sleep(pause_s)
    return abs((time.time() - wall) - (time.monotonic() - steady))


@dataclass(frozen=True, slots=True)
class Session:
    """How this process hangs on a terminal.

    Attributes:
        remote: Whether it came through SSH.
        keeper: What keeps it alive when the connection ends, or an empty string.
    """

    remote: bool
    keeper: str = ""


def read_session(environ: Mapping[str, str]) -> Session:
    """The session of this process."""
    keeper = next((name for name in _names_above() if name.startswith(_SURVIVORS)), "")
    if not keeper and environ.get("INVOCATION_ID"):
        keeper = "systemd"
    if not keeper:
        keeper = "tmux" if environ.get("TMUX") else "screen" if environ.get("STY") else ""
    return Session(bool(environ.get("SSH_CONNECTION") or environ.get("SSH_TTY")), keeper)


def _names_above() -> Iterator[str]:
    for process in psutil.Process().parents():
        with suppress(psutil.Error):  # it ended meanwhile, or is another user's
            yield process.name()
