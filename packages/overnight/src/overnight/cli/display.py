"""Showing a night: a live panel on a terminal, plain lines elsewhere."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from overnight.brief import one_line
from overnight.budget import left
from overnight.config import Study
from overnight.durations import format_duration
from overnight.ledger.records import Spent, TrialRecord
from overnight.progress import Phase, Watcher
from overnight.types import Verdict

_SHOWN_VERDICTS = 8
_TAIL_BYTES = 4096
_MOST_MESSAGE_CHARACTERS = 2000
STYLES = {
    Verdict.KEEP: "bold green",
    Verdict.DISCARD: "yellow",
    Verdict.DUPLICATE: "yellow",
    Verdict.INTERRUPTED: "dim",
}


@dataclass(frozen=True, slots=True)
class _Now:
    trial: int
    phase: Phase
    since_s: float
    deadline_s: float | None
    log: Path | None


class PlainDisplay:
    """One line per event, for logs and pipes."""

    def __init__(self, study: Study, console: Console, *, name: str = "") -> None:
        self._study = study
        self._console = console
        self._name = name
        self._budget = ""

    def apart(self, name: str) -> "PlainDisplay":
        """Lines that begin with the name of the night."""
        return PlainDisplay(self._study, self._console, name=name)

    def phase(
        self, trial: int, phase: Phase, *, deadline_s: float | None = None, log: Path | None = None
    ) -> None:
        """Print the phase, how long it may last, and before a proposal what is left."""
        limit = f" (at most {format_duration(deadline_s)})" if deadline_s else ""
        where = f", output in {log}" if log else ""
        remains = phase is Phase.PROPOSING and self._budget
        rest = f", left: {self._budget}" if remains else ""
        self._print(f"trial {trial}: {phase}{limit}{where}{rest}")

    def verdict(self, trial: TrialRecord) -> None:
        """Print the verdict and its reason."""
        title = one_line(trial.title)
        self._print(
            f"trial {trial.number}: {str(trial.verdict).upper()} {title}"
            f"{': ' if title else ''}{one_line(trial.reason)}"
        )

    def incumbent(self, trial: TrialRecord) -> None:
        """Print what the best is now."""
        self._print(f"the best is trial {trial.number} again: {trial.value:.6g}")

    def budget(self, spent: Spent) -> None:
        """Remember what is left for the next proposal's line."""
        self._budget = left(self._study.budget, spent)

    def say(self, message: str) -> None:
        """Print a message."""
        self._print(message)

    def _print(self, line: str) -> None:
        stamp = datetime.now().astimezone().strftime("%H:%M:%S")
        who = f"{self._name}: " if self._name else ""
        self._console.print(_message(f"{stamp} {who}{line}"), soft_wrap=True, highlight=False)


class LiveDisplay:
    """A panel that is drawn anew four times a second.

    Args:
        name: Of the night, where it is one of several.
    """

    def __init__(self, study: Study, console: Console, *, name: str = "") -> None:
        self._study = study
        self._console = console
        self._name = name
        self._nights: dict[str, LiveDisplay] = {}
        self._incumbent: TrialRecord | None = None
        self._baseline: TrialRecord | None = None
        self._verdicts: deque[TrialRecord] = deque(maxlen=_SHOWN_VERDICTS)
        self._spent: Spent | None = None if name else Spent()
        self._spent_at_s = time.monotonic()
        self._now: _Now | None = None

    def apart(self, name: str) -> "LiveDisplay":
        """A panel below this one's, for one of several nights."""
        if name not in self._nights:
            self._nights[name] = LiveDisplay(self._study, self._console, name=name)
        return self._nights[name]

    def phase(
        self, trial: int, phase: Phase, *, deadline_s: float | None = None, log: Path | None = None
    ) -> None:
        """Show the phase from now on."""
        self._now = _Now(trial, phase, time.monotonic(), deadline_s, log)

    def verdict(self, trial: TrialRecord) -> None:
        """Add the verdict to the table."""
        self._verdicts.append(trial)
        self._now = None
        self.remember(trial)

    def remember(self, trial: TrialRecord) -> None:
        """Take note of a kept trial."""
        if trial.verdict is Verdict.KEEP:
            self._incumbent = trial
            self._baseline = trial if trial.is_baseline else self._baseline

    def incumbent(self, trial: TrialRecord) -> None:
        """Show what the best is now."""
        self._incumbent = trial

    def budget(self, spent: Spent) -> None:
        """Show what is left."""
        self._spent, self._spent_at_s = spent, time.monotonic()

    def say(self, message: str) -> None:
        """Print a message above the panel."""
        told = f"{self._name}: {message}" if self._name else message
        self._console.print(_message(told), soft_wrap=True, highlight=False)

    def __rich__(self) -> RenderableType:
        """The panel as it is now."""
        if self._nights:
            return Group(*self._nights.values())
        return Group(self._table(), *self._current(), self._foot())

    def _table(self) -> Table:
        objective = self._study.objective
        table = Table(box=None, padding=(0, 1), expand=True, header_style="dim")
        table.add_column("trial", justify="right", width=6)
        table.add_column("verdict", width=12)
        table.add_column(objective.metric, justify="right", width=max(10, len(objective.metric)))
        table.add_column("change", ratio=1, no_wrap=True, overflow="ellipsis")
        for trial in self._verdicts:
            style = STYLES.get(trial.verdict or Verdict.CRASH, "red")
            value = "" if trial.value is None else f"{trial.value:.6g}"
            told = one_line(trial.title or trial.reason)
            table.add_row(str(trial.number), Text(str(trial.verdict), style), value, Text(told))
        return table

    def _current(self) -> list[RenderableType]:
        now = self._now
        if now is None:
            return [Text("  preparing", style="dim")]
        elapsed_s = time.monotonic() - now.since_s
        line = Table.grid(padding=(0, 1))
        told = Text(f"{now.trial:>7}  ").append(f"{now.phase}", "bold cyan")
        if now.deadline_s:
            bar = ProgressBar(total=now.deadline_s, completed=elapsed_s, width=24)
            limit = f"{format_duration(elapsed_s)} of {format_duration(now.deadline_s)}"
            line.add_row(told, bar, limit)
        else:
            line.add_row(told, format_duration(elapsed_s))
        tail = _last_line(now.log) if now.log else ""
        return [line, Text(f"         {tail}", style="dim", no_wrap=True, overflow="ellipsis")]

    def _foot(self) -> Text:
        objective = self._study.objective
        parts = [f"{self._name or self._study.name}: {objective.goal} {objective.metric}"]
        if self._incumbent is not None and self._incumbent.value is not None:
            parts.append(self._standing(self._incumbent))
        if self._spent is not None:
            parts += self._left(self._spent)
        return Text("  " + "  |  ".join(parts), style="bold")

    def _left(self, spent: Spent) -> list[str]:
        since_s = time.monotonic() - self._spent_at_s
        remaining = left(self._study.budget, replace(spent, active_s=spent.active_s + since_s))
        return [f"left: {remaining}"] if remaining else []

    def _standing(self, incumbent: TrialRecord) -> str:
        told = f"best {incumbent.value:.6g} (trial {incumbent.number})"
        baseline = self._baseline.value if self._baseline else None
        if baseline and incumbent.value is not None and incumbent is not self._baseline:
            told += f" from {baseline:.6g}, {(incumbent.value - baseline) / abs(baseline):+.2%}"
        return told


@contextmanager
def show(study: Study, *, plain: bool, earlier: list[TrialRecord]) -> Iterator[Watcher]:
    """Show a night while the block lasts.

    Args:
        plain: Lines even on a terminal.
        earlier: The baseline and the incumbent of a night that goes on.
    """
    console = Console()
    if plain or not console.is_terminal:
        yield PlainDisplay(study, console)
        return
    display = LiveDisplay(study, console)
    for trial in earlier:
        display.remember(trial)
    with Live(get_renderable=display.__rich__, console=console, refresh_per_second=4):
        yield display


def _message(told: str) -> Text:
    """A message as one line; it may carry what a program wrote, escapes and all."""
    return Text(one_line(told, most_characters=_MOST_MESSAGE_CHARACTERS))


def _last_line(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            lines = file.read().replace(b"\r", b"\n").decode(errors="replace").split("\n")
    except OSError:
        return ""
    told = [line for line in lines if line.strip()]
    return one_line(told[-1]) if told else ""
