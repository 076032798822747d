"""Which Python this is, and which of the modules that are named it cannot find.

Runs on the study's own interpreter. Its first argument is the directory of the study's program,
from which that imports first.
"""

from __future__ import annotations

import importlib.util
import json
import sys


def is_missing(name: str) -> bool:
    """Whether a module cannot be found; nothing of it is run."""
    try:
        return importlib.util.find_spec(name) is None
    except (ImportError, ValueError):
        return True


def main() -> None:
    """Print it."""
    sys.path[0] = sys.argv[1]
    found = {
        "python": sys.executable,
        "version": f"{sys.version_info[0]}.{sys.version_info[1]}",
        "missing": [name for name in sys.argv[2:] if is_missing(name)],
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
