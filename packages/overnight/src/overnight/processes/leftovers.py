"""Processes that outlived whoever was to end them, found by a mark in their environment."""

import contextlib
import os
from collections.abc import Callable, Iterator

import psutil

TOKEN_VARIABLE = "OVERNIGHT_RUN_TOKEN"  # noqa: S105  # the name of a variable, no password
_ROUNDS = 50
_ROUND_S = 0.1


def kill_marked(marker: str) -> int:
    """Kill what commands of an earlier harness with this marker have left running.

    A process that overwrote its environment, as some do to change the title they show, is not
    found, and neither is another user's.

    Args:
        marker: As it was given to `Supervisor`.

    Returns:
        The number of processes killed.
    """

    def is_marked(process: psutil.Process) -> bool:
        name, *helper_and_run = _token(process).rsplit("-", 2)
        return name == marker and len(helper_and_run) == 2

    return _kill_all(is_marked)


def kill_run(token: str, *, main: int | None) -> int:
    """Kill what is left of one run whose reaper is dead.

    Args:
        token: The run's mark.
        main: Process id of its main process, where it is known.

    Returns:
        The number of processes killed.
    """

    def belongs(process: psutil.Process) -> bool:
        return main in (os.getpgid(process.pid), os.getsid(process.pid)) or _token(process) == token

    return _kill_all(belongs)


def _kill_all(is_wanted: Callable[[psutil.Process], bool]) -> int:
    """Kill every wanted process and all below it, until a look finds none."""
    killed: set[int] = set()
    for _ in range(_ROUNDS):
        found = set(_find(is_wanted))
        if not found:
            break
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        killed.update(process.pid for process in found)
        psutil.wait_procs(found, timeout=_ROUND_S)
    return len(killed)


def _find(is_wanted: Callable[[psutil.Process], bool]) -> Iterator[psutil.Process]:
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            is_dead = process.status() == psutil.STATUS_ZOMBIE
            if process.pid in own or is_dead or not is_wanted(process):
                continue
            yield process
            yield from process.children(recursive=True)


def _token(process: psutil.Process) -> str:
    return process.environ().get(TOKEN_VARIABLE, "")
