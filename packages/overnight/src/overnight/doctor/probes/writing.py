"""Where files can be made: each directory that is named gets one, and its answer."""

import json
import sys
from pathlib import Path

NAME = "overnight-doctor-was-here"


def attempt(directory: str) -> str:
    """Why no file can be made in a directory, or an empty string."""
    try:
        Path(directory, NAME).write_text("doctor", encoding="ascii")
    except OSError as error:
        return error.strerror or str(error)
    return ""


def main() -> None:
    """Print the answers."""
    sys.stdout.write(json.dumps({place: attempt(place) for place in sys.argv[1:]}) + "\n")


if __name__ == "__main__":
    main()
