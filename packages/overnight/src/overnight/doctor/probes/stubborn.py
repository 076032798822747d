"""Will not end: ignores SIGTERM, and leaves a daemon and a child in a session of its own."""

import os
import signal
import sys
import time

_EVER_S = 600.0


def wait() -> None:
    """Do nothing for longer than anybody waits."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(_EVER_S)
    os._exit(0)


def leave(*, daemon: bool) -> None:
    """Leave a process behind; a daemon's parent is gone."""
    if os.fork() == 0:
        os.setsid()
        if daemon and os.fork() > 0:
            os._exit(0)
        wait()


def main() -> None:
    """Leave both, say so, and stay."""
    leave(daemon=True)
    leave(daemon=False)
    sys.stdout.write("two are left\n")
    sys.stdout.flush()
    wait()


if __name__ == "__main__":
    main()
