"""Takes more than it may of one thing: ``memory``, ``processes`` or ``disk``, and then waits."""

import os
import sys
import time
from pathlib import Path

_MIB = 2**20
_WAIT_S = 30.0


def memory(mebibytes: int) -> None:
    """Hold memory."""
    held = [bytearray(os.urandom(_MIB)) for _ in range(mebibytes)]
    time.sleep(_WAIT_S)
    del held


def processes(count: int) -> None:
    """Have children."""
    for _ in range(count):
        if os.fork() == 0:
            time.sleep(_WAIT_S)
            os._exit(0)
    time.sleep(_WAIT_S)


def disk(mebibytes: int) -> None:
    """Write files of a mebibyte each into the working directory."""
    for number in range(mebibytes):
        Path(f"overnight-doctor-{number}").write_bytes(os.urandom(_MIB))
    time.sleep(_WAIT_S)


if __name__ == "__main__":
    {"memory": memory, "processes": processes, "disk": disk}[sys.argv[1]](int(sys.argv[2]))
