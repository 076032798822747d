"""What a night tells those who watch it."""

from enum import StrEnum
from pathlib import Path
from typing import Protocol

from overnight.ledger.records import Spent, TrialRecord


class Phase(StrEnum):
    """What a trial is doing now."""

    PREPARING = "preparing"
    PROPOSING = "proposing"
    WAITING = "waiting to retry"
    SETTING_UP = "setting up"
    MEASURING = "measuring"
    VALIDATING = "measuring again"
    PAUSED = "paused"


class Watcher(Protocol):
    """Shows a night while it runs; every method returns at once and never raises."""

    def apart(self, name: str) -> "Watcher":
        """Shows one of several nights that run at the same time; each is used by one thread."""
        ...

    def phase(
        self, trial: int, phase: Phase, *, deadline_s: float | None = None, log: Path | None = None
    ) -> None:
        """A trial enters a phase.

        Args:
            deadline_s: The longest that it may last.
            log: A file that grows while it lasts.
        """
        ...

    def verdict(self, trial: TrialRecord) -> None:
        """A trial is done."""
        ...

    def incumbent(self, trial: TrialRecord) -> None:
        """Another trial is the incumbent than the last verdict said."""
        ...

    def budget(self, spent: Spent) -> None:
        """What the night has used so far, told before each trial."""
        ...

    def say(self, message: str) -> None:
        """Something that the user should read."""
        ...


class Silent:
    """A watcher that shows nothing."""

    def apart(self, name: str) -> Watcher:  # noqa: ARG002 (the interface)
        """Show nothing of it."""
        return self

    def phase(
        self, trial: int, phase: Phase, *, deadline_s: float | None = None, log: Path | None = None
    ) -> None:
        """Show nothing."""

    def verdict(self, trial: TrialRecord) -> None:
        """Show nothing."""

    def incumbent(self, trial: TrialRecord) -> None:
        """Show nothing."""

    def budget(self, spent: Spent) -> None:
        """Show nothing."""

    def say(self, message: str) -> None:
        """Show nothing."""
