"""What a program finds around itself: environment, input, encoding, shared memory."""

import json
import locale
import os
import sys


def main() -> None:
    """Print it."""
    shared = os.statvfs("/dev/shm")  # noqa: S108 (only looked at)
    found = {
        "variables": sorted(os.environ),
        "input": len(sys.stdin.buffer.read(1)),
        "is_terminal": any(os.isatty(descriptor) for descriptor in range(3)),
        "encodings": sorted({locale.getpreferredencoding(), sys.getfilesystemencoding()}),
        "shared_memory_bytes": shared.f_frsize * shared.f_blocks,
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
