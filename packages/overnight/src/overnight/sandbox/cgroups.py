"""Limits by control groups (cgroup v2), where the harness may make its own: exact and at once.

Elsewhere the supervisor's census watches the same limits a few times a second.
"""

import contextlib
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from overnight.processes.census import THREADS_PER_PROCESS
from overnight.processes.supervisor import Command, EndedBy, Ending, Limits, Supervisor

_CONTROLLERS = ("memory", "pids")
_FIRST_VERSION = Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")
_NUMBERS = itertools.count(1)  # of all that share a parent
_ENTER = 'echo $$ >"$0"/cgroup.procs && exec "$@"'


class Capped:
    """Runs commands as a supervisor does, each in a control group of its own.

    Args:
        parent: A directory that `delegated` has found.
    """

    def __init__(self, processes: Supervisor, parent: Path) -> None:
        self._processes = processes
        self._parent = parent

    def run(
        self,
        command: Command,
        *,
        output: Path,
        limits: Limits,
        errors: Path | None = None,
        children: Path | None = None,
    ) -> Ending:
        """Run a command to its end; see `Supervisor.run`."""
        with self._group(limits) as group:
            enter = ("/bin/sh", "-c", _ENTER, str(group.path))
            ending = self._processes.run(
                replace(command, argv=(*enter, *command.argv)),
                output=output,
                limits=limits,
                errors=errors,
                children=children,
            )
            return group.judge(ending)

    @contextmanager
    def _group(self, limits: Limits) -> Iterator["_Group"]:
        group = _Group(self._parent / f"run-{os.getpid()}-{next(_NUMBERS)}")
        group.make(limits)
        try:
            yield group
        finally:
            group.remove()


@dataclass(frozen=True, slots=True)
class _Group:
    path: Path

    def make(self, limits: Limits) -> None:
        self.path.mkdir()
        if limits.memory_bytes is not None:
            self._write("memory.max", limits.memory_bytes)
            self._write("memory.swap.max", 0)
            self._write("memory.oom.group", 1)
        if limits.processes is not None:
            self._write("pids.max", limits.processes * THREADS_PER_PROCESS)

    def judge(self, ending: Ending) -> Ending:
        """The same ending, with the limit that the kernel enforced as its cause."""
        if ending.ended_by is not EndedBy.ITSELF or ending.code == 0:
            return ending
        if self._count("memory.events", "oom_kill"):
            return replace(ending, ended_by=EndedBy.MEMORY)
        if self._count("pids.events", "max"):
            return replace(ending, ended_by=EndedBy.PROCESSES)
        return ending

    def remove(self) -> None:
        with contextlib.suppress(OSError):
            self._write("cgroup.kill", 1)
        with contextlib.suppress(OSError):
            self.path.rmdir()

    def _write(self, name: str, value: int) -> None:
        with contextlib.suppress(FileNotFoundError):  # no swap, or an older kernel
            (self.path / name).write_text(str(value), encoding="ascii")

    def _count(self, name: str, event: str) -> int:
        lines = (self.path / name).read_text(encoding="ascii").splitlines()
        return int(dict(line.split() for line in lines).get(event, 0))


@contextmanager
def delegated() -> Iterator[Path | None]:
    """A control group below which this process may make others; None where it may not.

    Where the group that this process is in holds nobody else, as in a scope of
    ``systemd-run --user --scope -p Delegate=yes``, its processes are moved to a leaf first, which
    the kernel asks for.
    """
    own = own_group()
    parent = None
    if own is not None:
        with contextlib.suppress(OSError):
            parent = _made_below(own)
    try:
        yield parent
    finally:
        if parent is not None:
            with contextlib.suppress(OSError):
                parent.rmdir()


def own_group() -> Path | None:
    """The directory of this process's control group in the unified hierarchy, if it is mounted."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
        groups = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    places = [line.split()[1] for line in mounts if line.split()[2] == "cgroup2"]
    names = [line.removeprefix("0::") for line in groups if line.startswith("0::")]
    return Path(places[0] + names[0].rstrip("/")) if places and names else None


def memory_limit_bytes() -> int | None:
    """The least that this process's control groups let it have, as in a container; None for all."""
    own = own_group()
    groups = [] if own is None else [own, *own.parents]
    files = [*(group / "memory.max" for group in groups), _FIRST_VERSION]
    limits = [int(text) for file in files if (text := _text(file)).isdigit()]
    return min(limits, default=None)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _made_below(own: Path) -> Path | None:
    available = set((own / "cgroup.controllers").read_text(encoding="ascii").split())
    if not available.issuperset(_CONTROLLERS) or not os.access(own / "cgroup.procs", os.W_OK):
        return None
    enabled = set((own / "cgroup.subtree_control").read_text(encoding="ascii").split())
    if not enabled.issuperset(_CONTROLLERS) and not _enable(own):
        return None
    parent = own / f"overnight-{os.getpid()}"
    parent.mkdir()
    _hand_down(parent)
    return parent


def _enable(own: Path) -> bool:
    """Let groups below this one have limits; only where nobody else is in it."""
    is_root = not (own / "cgroup.type").exists()
    if not is_root and not _move_to_leaf(own):
        return False
    _hand_down(own)
    return True


def _move_to_leaf(own: Path) -> bool:
    mine = {os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))}
    inside = {int(pid) for pid in (own / "cgroup.procs").read_text(encoding="ascii").split()}
    if not inside <= mine:
        return False
    leaf = own / "overnight-harness"
    leaf.mkdir(exist_ok=True)
    for pid in inside:
        (leaf / "cgroup.procs").write_text(str(pid), encoding="ascii")
    return True


def _hand_down(group: Path) -> None:
    wanted = " ".join(f"+{name}" for name in _CONTROLLERS)
    (group / "cgroup.subtree_control").write_text(wanted, encoding="ascii")
