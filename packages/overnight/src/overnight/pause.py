"""A night that waits: nothing is spent until somebody says how to go on."""

import socket
import time

from overnight.bench import Bench
from overnight.controls import Controls
from overnight.durations import format_duration
from overnight.errors import Stopped
from overnight.news import Newsroom
from overnight.progress import Phase
from overnight.stopping import StopRequest
from overnight.timesheet import Activity
from overnight.types import EventKind

_LOOK_EVERY_S = 0.5


class Pause:
    """Waits for orders from other terminals, or for Ctrl-C.

    Attributes:
        total_s: For how long this session has been paused.

    Args:
        night: What pauses are recorded under.
    """

    def __init__(
        self,
        bench: Bench,
        request: StopRequest,
        controls: Controls,
        news: Newsroom,
        *,
        night: int,
    ) -> None:
        self.total_s = 0.0
        self._bench = bench
        self._request = request
        self._controls = controls
        self._news = news
        self._night = night

    def because(self, reason: str) -> None:
        """Pause of the harness's own accord; gives up when nobody comes for long.

        Raises:
            Stopped: A stop was asked for, nobody came, or the study says not to wait.
        """
        if not self._bench.study.watch.pause:
            raise Stopped(reason)
        self._bench.ledger.record_event(
            EventKind.PAUSED, reason, night=self._night, trial=self._next_number()
        )
        self._wait(reason, give_up_s=self._bench.study.watch.give_up_s)

    def until_told(self, reason: str) -> None:
        """Pause because somebody asked for it, which is recorded already.

        Raises:
            Stopped: A stop was asked for.
        """
        self._wait(reason, give_up_s=None)

    def _wait(self, reason: str, *, give_up_s: float | None) -> None:
        began_s = time.monotonic()
        number = self._next_number()
        self._controls.wants_to_go_on = False
        where = f"{self._bench.study.root} on {socket.gethostname()}"
        self._bench.watcher.say(f"{reason} `overnight resume` goes on, `overnight stop` ends.")
        self._bench.watcher.phase(number, Phase.PAUSED, deadline_s=give_up_s)
        self._news.paused(reason, where)
        try:
            with self._bench.timesheet.during(Activity.IDLE):
                self._until_somebody_comes(number, reason, give_up_s)
        finally:
            self.total_s += time.monotonic() - began_s
            self._controls.wants_pause = False
        self._bench.watcher.say("Going on.")

    def _until_somebody_comes(self, number: int, reason: str, give_up_s: float | None) -> None:
        began_s = time.monotonic()
        while not self._controls.wants_to_go_on:
            if self._request.asked or self._bench.stop.wait(_LOOK_EVERY_S):
                raise Stopped("Stopped while paused.")
            self._controls.obey(trial=number)
            if give_up_s is not None and time.monotonic() - began_s > give_up_s:
                waited = format_duration(give_up_s)
                raise Stopped(f"{reason} Nobody came for {waited}.")

    def _next_number(self) -> int:
        latest = self._bench.ledger.latest(1)
        return latest[0].number + 1 if latest else 0
