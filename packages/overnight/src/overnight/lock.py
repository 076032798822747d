"""One `overnight run` per study: a lock that the kernel releases whatever happens."""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from overnight.errors import StudyBusy

_PATIENCE_S = 1.0


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold a lock file for as long as the block lasts.

    Raises:
        StudyBusy: Somebody else holds it; says who.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        if not _taken_within(_PATIENCE_S, file):
            raise StudyBusy(
                f"This study is being run by {_holder(path)}.",
                fix="Wait for it, or stop it with Ctrl-C or `kill -INT`.",
            )
        file.seek(0)
        file.truncate()
        started = datetime.now(UTC).isoformat(timespec="seconds")
        json.dump({"pid": os.getpid(), "host": socket.gethostname(), "since": started}, file)
        file.flush()
        yield


def _taken_within(patience_s: float, file: TextIO) -> bool:
    """Take the lock; waits a little, since a holder's death may not have released it yet.

    A child that the holder had forked, but that had not become another program, still holds it.
    """
    give_up_at = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up_at:
                return False
            time.sleep(0.02)
        else:
            return True


def _holder(path: Path) -> str:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return f"process {told['pid']} on {told['host']} since {told['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
