"""Bubblewrap's command line, and whether bubblewrap works on this machine at all."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from operator import attrgetter
from pathlib import Path

from overnight.errors import SandboxFailed
from overnight.sandbox.programs import program

_NAMESPACES = (
    "--die-with-parent",
    "--new-session",
    "--unshare-user",
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
    "--hostname",
    "overnight",
    "--cap-drop",
    "ALL",
)
NO_NESTING = ("--disable-userns",)
NO_NETWORK = ("--unshare-net",)
_OOM_SCORE = "500"  # half of the machine's memory, as the kernel counts it
_PATIENCE_S = 20.0


def bubblewrap() -> tuple[str, ...]:
    """How bubblewrap is started, with the namespaces that every sandbox has.

    Raises:
        SandboxFailed: It is not installed.
    """
    return (str(program("bwrap", package="bubblewrap")), *_NAMESPACES)


def first_to_go() -> tuple[str, ...]:
    """What goes before a command line so that it, and not the harness, goes when memory is out."""
    try:
        return (str(program("choom", package="util-linux")), "-n", _OOM_SCORE, "--")
    except SandboxFailed:
        return ()


def refuse_where_impossible() -> None:
    """Find out whether bubblewrap works here at all.

    Raises:
        SandboxFailed: It does not; says why and what to do.
    """
    if not sys.platform.startswith("linux"):
        raise SandboxFailed(
            "The sandbox needs Linux.", fix="Write sandbox = 'none' to run without one."
        )
    root = ("--ro-bind", "/", "/", "--perms", "0700", "--size", "4096", "--tmpfs", "/dev")
    command = (*bubblewrap(), *NO_NESTING, *NO_NETWORK, *root, "true")
    program("prlimit", package="util-linux")
    problem = complaint_of(command)
    if problem:
        raise SandboxFailed(f"bubblewrap does not work here: {problem}", fix=_fix(problem))


def complaint_of(argv: Sequence[str]) -> str:
    """What a command line complains of, or an empty string when it ends well."""
    try:
        tried = subprocess.run(
            argv,
            cwd="/",
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if tried.returncode == 0:
        return ""
    lines = tried.stderr.strip().splitlines()
    return lines[-1] if lines else f"it ended with exit code {tried.returncode}"


def covered_kernel_settings(*, may_nest: bool) -> list[str]:
    """What keeps a command from the kernel's settings, some of which go by the user's id alone.

    Root's own among them concern the whole machine; other users' concern the sandbox, and they
    could not mount a ``/proc`` for a sandbox below this one while anything is covered.
    """
    if may_nest and os.geteuid() != 0:
        return []
    return [word for place in _kernel_settings() for word in ("--ro-bind", place, place)]


def _kernel_settings() -> Iterator[str]:
    """What stands in ``/proc`` beside the processes, and is a directory or can be written to."""
    with os.scandir("/proc") as listing:
        places = sorted((it for it in listing if not it.name.isdigit()), key=attrgetter("path"))
    for place in places:
        if not place.is_symlink() and (place.is_dir() or place.stat().st_mode & 0o222):
            yield place.path


def _fix(problem: str) -> str:
    restricted = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    if "nknown option" in problem:
        return "It is too old: install bubblewrap 0.8 or newer, or write sandbox = 'none'."
    if restricted.exists() and restricted.read_text(encoding="ascii").strip() == "1":
        return (
            "AppArmor forbids it: run `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`,"
            " or give bwrap a profile with `userns,`."
        )
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return (
            "Start the container with `--security-opt seccomp=unconfined --security-opt"
            " systempaths=unconfined`, or write sandbox = 'none' and let the container confine."
        )
    if "namespace" in problem.lower() or "permi" in problem.lower():
        return (
            "Allow user namespaces: `sudo sysctl kernel.unprivileged_userns_clone=1`"
            " and `sudo sysctl user.max_user_namespaces=15000`, or write sandbox = 'none'."
        )
    return "Write sandbox = 'none' to run without a sandbox."
