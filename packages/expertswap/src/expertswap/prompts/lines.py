"""Lines of files that nobody vouches for: never more of one in memory than a bound."""

from collections.abc import Iterator
from pathlib import Path

from expertswap.errors import PromptsError

MOST_LINE_BYTES = 64 * 2**20


def bounded_lines(path: Path, *, most_bytes: int = MOST_LINE_BYTES) -> Iterator[bytes | None]:
    """The lines of a file; None in place of one that is too long.

    Raises:
        PromptsError: The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            while line := file.readline(most_bytes):
                if line.endswith(b"\n") or len(line) < most_bytes:
                    yield line
                    continue
                while (rest := file.readline(most_bytes)) and not rest.endswith(b"\n"):
                    pass
                yield None
    except OSError as error:
        raise PromptsError(f"{path} cannot be read: {error.strerror}.") from error
