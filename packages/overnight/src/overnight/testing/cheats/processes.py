"""A daemon that does all it can to be overlooked, for cheats that need time after their end."""

import ctypes
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_SET_NAME = 15
_LASTS_S = 20.0
_ROUND_S = 0.01
_PATIENCE_S = 0.2  # what it would do at once could still count as its starter's


def leave_daemon(work: Callable[[], object]) -> None:
    """Start a daemon that does some work again and again once this process is gone, and return."""
    starter = Path(f"/proc/{os.getpid()}/stat")
    if os.fork() != 0:
        return
    os.setsid()
    if os.fork() != 0:
        os._exit(0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_SET_NAME, b"kworker/0:1", 0, 0, 0)
    os.closerange(0, 64)
    while starter.exists() and ") Z" not in starter.read_text():
        time.sleep(_ROUND_S)
    time.sleep(_PATIENCE_S)
    ends_at = time.monotonic() + _LASTS_S
    while time.monotonic() < ends_at:
        with suppress(OSError):
            work()
        time.sleep(_ROUND_S)
    os._exit(0)
