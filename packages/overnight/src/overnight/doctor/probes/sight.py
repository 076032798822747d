"""Which of the paths that are named can be seen: their content, their entries."""

import json
import os
import stat
import sys


def is_seen(path: str) -> bool:
    """Whether a file can be read, a directory shows an entry, or a socket is there."""
    try:
        kind = os.stat(path).st_mode  # noqa: PTH116 (pathlib is long to import)
        if stat.S_ISDIR(kind):
            return bool(os.listdir(path))  # noqa: PTH208 (likewise)
        if not stat.S_ISREG(kind):
            return stat.S_ISSOCK(kind)  # a device stands where a file is hidden
        with open(path, "rb") as file:  # noqa: PTH123 (likewise)
            return bool(file.read(1))
    except OSError:
        return False


def main() -> None:
    """Print them."""
    sys.stdout.write(json.dumps([path for path in sys.argv[1:] if is_seen(path)]) + "\n")


if __name__ == "__main__":
    main()
