"""Which of the paths that are named can be seen: their content, their entries."""

import json
import os
import sys


def is_seen(path: str) -> bool:
    """Whether a file can be read, or a directory shows an entry."""
    try:
        if os.path.isdir(path):  # noqa: PTH112 (pathlib is long to import)
            return bool(os.listdir(path))  # noqa: PTH208 (likewise)
        if path.endswith(".sock"):
            return os.path.exists(path)  # noqa: PTH110 (likewise)
        with open(path, "rb") as file:  # noqa: PTH123 (likewise)
            return bool(file.read(1))
    except OSError:
        return False


def main() -> None:
    """Print them."""
    sys.stdout.write(json.dumps([path for path in sys.argv[1:] if is_seen(path)]) + "\n")


if __name__ == "__main__":
    main()
