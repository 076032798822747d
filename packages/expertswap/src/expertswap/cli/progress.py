"""A bar for bytes on standard error, with speed and time left."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)


class CopyProgress:
    """Shows how far the writing of some bytes is, and measures it.

    Args:
        what: What is written.
        total_bytes: How many bytes it has.

    Attributes:
        elapsed_s: Seconds until the end of the ``with`` block.
    """

    def __init__(self, what: str, *, total_bytes: int) -> None:
        self.elapsed_s = 0.0
        self._total_bytes = total_bytes
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(what, total=total_bytes)

    def __enter__(self) -> Self:
        self._begin_s = time.monotonic()
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()
        self.elapsed_s = time.monotonic() - self._begin_s

    @property
    def rate(self) -> float:
        """Bytes written per second."""
        return self._total_bytes / self.elapsed_s

    def advance(self, nbytes: int) -> None:
        """So many bytes more are written."""
        self._bar.advance(self._task, nbytes)
