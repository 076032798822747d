"""Which process of a command is its program, rather than a child of it."""

from pathlib import Path

# What starts a program and waits for it; a child of anything else is a child of the program.
LAUNCHERS = frozenset(
    (
        *("bash", "busybox", "dash", "ksh", "sh", "zsh"),
        *("bwrap", "env", "flock", "ionice", "nice", "nohup", "numactl", "prlimit", "stdbuf"),
        *("sudo", "taskset", "time", "timeout", "unshare"),
        *("mamba", "micromamba", "pixi", "rye", "uv", "uvx"),
    )
)


def is_program(pid: int, *, main: int) -> bool:
    """Whether a process is the command itself, or what only launchers below it have started.

    Args:
        pid: Any process.
        main: The command's own process.
    """
    while pid != main:
        parent = _parent(pid)
        if parent <= 1 or not _is_launcher(parent):
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
