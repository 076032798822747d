"""Which process of a command is its program, rather than a child of it."""

from pathlib import Path

# What starts a program and waits for it; a child of anything else is a child of the program.
LAUNCHERS = frozenset(
    (
        *("bash", "busybox", "dash", "ksh", "sh", "zsh"),
        *("bwrap", "env", "flock", "ionice", "nice", "nohup", "numactl", "prlimit", "stdbuf"),
        *("sudo", "taskset", "time", "timeout", "unshare"),
        *("just", "make", "mamba", "micromamba", "pixi", "rye", "uv", "uvx"),
    )
)
FIRST_CHILD = 2  # the id that the first process of a namespace gives to what it starts first


def is_program(pid: int, *, main: int) -> bool:
    """Whether a process is the command itself, or what only launchers below it have started.

    Args:
        pid: Any process.
        main: The command's own process.
    """
    while pid != main:
        parent = _parent(pid)
        if parent <= 1 or not _is_launcher(parent) or _is_adopted(pid, by=parent):
            return False
        pid = parent
    return True


def _parent(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    return int(stat[stat.rindex(b")") + 1 :].split(maxsplit=2)[1])


def _is_launcher(pid: int) -> bool:
    try:
        program = Path(f"/proc/{pid}/exe").readlink()
    except OSError:
        return False
    return program.name in LAUNCHERS


def _is_adopted(pid: int, *, by: int) -> bool:
    """Whether the first process of a sandbox only took over an orphan, all but its first child."""
    return _inner_pid(by) == 1 and _inner_pid(pid) != FIRST_CHILD


def _inner_pid(pid: int) -> int:
    """A process's id in the innermost namespace that it is in."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(errors="replace")
    except OSError:
        return 0
    _, _, ids = status.partition("\nNSpid:")
    return int(ids.partition("\n")[0].split()[-1]) if ids else pid
