"""Ending a night in order: what Ctrl-C and signals do to the trial at hand."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from overnight.durations import format_duration
from overnight.ledger.records import Spent, TrialRecord
from overnight.processes.supervisor import StopSignal
from overnight.progress import Phase, Watcher


class StopRequest:
    """Turns signals into an orderly end: the first asks, the second insists.

    Attributes:
        asked: Whether the end was asked for.

    Args:
        stop: Ends whatever program is running when set.
        whole: The request that this one is a part of.
    """

    def __init__(
        self, stop: StopSignal, watcher: Watcher, *, whole: "StopRequest | None" = None
    ) -> None:
        self.asked = False
        self._stop = stop
        self._watcher = watcher
        self._whole = whole
        self._parts: list[StopRequest] = []
        self._is_at_work = whole is None
        self._trial = 0
        self._phase = Phase.PREPARING
        self._phase_ends_s = 0.0

    def part(self, name: str, stop: StopSignal) -> "StopRequest":
        """For one of several nights that run at the same time and end together, each in order.

        Args:
            stop: Ends what that night is running.
        """
        part = StopRequest(stop, self._watcher.apart(name), whole=self)
        self._parts.append(part)
        return part

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """There is something to end while the block lasts."""
        self._phase, self._is_at_work = Phase.PREPARING, True
        try:
            yield
        finally:
            self._is_at_work = False

    def apart(self, name: str) -> Watcher:
        """Shows one of several nights."""
        return self._watcher.apart(name)

    def phase(
        self, trial: int, phase: Phase, *, deadline_s: float | None = None, log: Path | None = None
    ) -> None:
        """Note what could be interrupted, and show it."""
        self._trial, self._phase = trial, phase
        self._phase_ends_s = time.monotonic() + (deadline_s or 0.0)
        if self.asked and phase is Phase.PROPOSING:
            self._stop.set()  # asked for while the trial was prepared
        self._watcher.phase(trial, phase, deadline_s=deadline_s, log=log)

    def verdict(self, trial: TrialRecord) -> None:
        """Show a verdict."""
        self._phase = Phase.PREPARING
        self._watcher.verdict(trial)

    def incumbent(self, trial: TrialRecord) -> None:
        """Show what the best is now."""
        self._watcher.incumbent(trial)

    def budget(self, spent: Spent) -> None:
        """Show what is spent."""
        self._watcher.budget(spent)

    def say(self, message: str) -> None:
        """Show a message."""
        self._watcher.say(message)

    def ask(self, signal_number: int = signal.SIGINT, _frame: FrameType | None = None) -> None:
        """End after the trial at hand; at once when asked again, or told to terminate."""
        again = self.asked or signal_number != signal.SIGINT
        everything = [self, *self._parts]
        for request in everything:
            request.asked = True
        at_work = [part for part in self._parts if part._is_at_work]
        for request in at_work or [self]:
            request._end(again=again)
        if again:
            for request in everything:
                request._stop.set()

    def _end(self, *, again: bool) -> None:
        if again:
            self.say(f"Stopping now; trial {self._trial} is left consistent.")
            self._stop.set()
        elif self._phase in (Phase.PROPOSING, Phase.WAITING):
            self.say(f"Abandoning trial {self._trial}, which has no proposal yet.")
            self._stop.set()
        elif self._phase is Phase.VALIDATING:
            self.say("Abandoning the checkpoint; the next run makes it again.")
            self._stop.set()
        elif self._phase in (Phase.SETTING_UP, Phase.MEASURING):
            left = format_duration(max(0.0, self._phase_ends_s - time.monotonic()))
            self.say(f"Finishing trial {self._trial}, at most {left}; Ctrl-C again stops it now.")
        else:
            self.say("Ending before the next proposal.")

    def ask_politely(self, *, now: bool) -> None:
        """End after the trial at hand, or at once, because another terminal says so."""
        if self._whole is not None:
            self._whole.ask_politely(now=now)
        elif not self.asked or now:
            self.ask(signal.SIGTERM if now else signal.SIGINT)

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Listen to SIGINT, SIGTERM and SIGHUP while the block lasts.

        A SIGHUP that is ignored, as under ``nohup``, stays so: the night outlives its terminal.
        """
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        before = {number: signal.signal(number, self.ask) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
