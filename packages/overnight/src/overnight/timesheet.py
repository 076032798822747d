"""Where the time of a night goes, trial by trial."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from overnight.types import UNTIMED, Phases


class Activity(StrEnum):
    """What a night is doing; `REVIEW` is of no trial: checkpoints and what they bring about."""

    THINKING = "thinking"
    GUARDS = "guards"
    MEASURING = "measuring"
    IDLE = "idle"
    REVIEW = "review"


class Timesheet:
    """Notes how long a night has done what since its last verdict.

    Args:
        clock: Tells seconds that never run backwards.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._now = Activity.GUARDS
        self._since_s = clock()
        self._spent_s: defaultdict[Activity, float] = defaultdict(float)
        self._has_begun = False
        self._is_whole = False

    def begin(self) -> None:
        """Forget what was before the first turn; later calls change nothing."""
        if not self._has_begun:
            self._has_begun = True
            self._clear()

    def enter(self, activity: Activity) -> Activity:
        """Do something else from now on; returns what was done until now."""
        before, now_s = self._now, self._clock()
        self._spent_s[before] += now_s - self._since_s
        self._now, self._since_s = activity, now_s
        return before

    @contextmanager
    def during(self, activity: Activity) -> Iterator[None]:
        """Do something while the block lasts, then again what was done before."""
        before = self.enter(activity)
        try:
            yield
        finally:
            self.enter(before)

    def open(self) -> None:
        """A trial begins here, so what is taken next is all of it."""
        self._is_whole = True

    def take(self) -> Phases:
        """Where the time since the last verdict went; not known of a trial that began elsewhere."""
        self.enter(self._now)
        spent_s, whole = self._spent_s, self._is_whole
        phases = Phases(
            spent_s[Activity.THINKING],
            spent_s[Activity.GUARDS],
            spent_s[Activity.MEASURING],
            spent_s[Activity.IDLE],
        )
        self._clear()
        return phases if whole else UNTIMED

    def _clear(self) -> None:
        self._since_s = self._clock()
        self._spent_s.clear()
        self._is_whole = False
