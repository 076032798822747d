"""What still fits into this call."""

import time


class OutOfTime(Exception):
    """What is left to do does not fit into this call."""


class Timer:
    """How much of this call is left.

    Args:
        minutes: Of the call.
        run_s: How long one run takes; corrected as runs are made.
    """

    def __init__(self, minutes: float, *, run_s: float) -> None:
        self._ends_s = time.monotonic() + 60 * minutes
        self.run_s = run_s

    def has_room(self, runs: int) -> bool:
        """Whether so many runs fit, with half a run to spare."""
        return self._ends_s - time.monotonic() > (runs + 0.5) * self.run_s

    def took(self, seconds: float) -> None:
        """Take note of a run; the latest count most."""
        self.run_s = (self.run_s + seconds) / 2
