"""What every log comes down to: rows with verdicts, of which the first is the baseline.

Counts come from verdicts alone, never from what a description says, and the baseline is no
proposal.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from overnight.brief import one_line
from overnight.compare.records import ArmRecord, ArmTrial, Contest
from overnight.discover.metrics import goal_of_name
from overnight.errors import OvernightError
from overnight.importing.lines import Note, quoted
from overnight.types import Goal, Verdict

VERDICTS: Mapping[str, Verdict] = {
    **dict.fromkeys(("keep", "kept", "baseline", "best", "accept", "accepted"), Verdict.KEEP),
    **dict.fromkeys(
        ("discard", "discarded", "revert", "reverted", "reject", "rejected"), Verdict.DISCARD
    ),
    **dict.fromkeys(("crash", "crashed", "fail", "failed", "error"), Verdict.CRASH),
    **dict.fromkeys(("timeout", "timed_out"), Verdict.TIMEOUT),
    "oom": Verdict.OUT_OF_MEMORY,
    "checks_failed": Verdict.VIOLATION,
}
"""Words for verdicts in logs that people and agents write."""
_BASELINE = re.compile(r"\bbaseline\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of a log.

    Attributes:
        value: None where nothing was measured, whatever number stands there.
        segment: Which stretch of the log, each with a baseline of its own.
        is_baseline: Whether the log says itself that this is the code as it was.
        to_beat: What it was judged against, where the log says so.
    """

    line: int
    number: int
    verdict: Verdict
    value: float | None
    title: str = ""
    rationale: str = ""
    segment: int = 1
    is_baseline: bool = False
    to_beat: float | None = None
    device_s: float | None = None
    agent_s: float | None = None
    wall_s: float | None = None
    tokens: int | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """A log, read.

    Attributes:
        notes: What was left out or had to be guessed, by line.
    """

    metric: str
    goal: Goal
    arms: tuple[ArmRecord, ...]
    notes: tuple[Note, ...]


def together(logs: Sequence[Imported]) -> Contest:
    """Several logs as one contest, of which nothing was measured again.

    Raises:
        OvernightError: They have different metrics or goals, or arms of the same name.
    """
    asked = {(log.metric.lower(), log.goal) for log in logs}
    if len(asked) != 1:
        told = ", ".join(f"{one_line(metric)} to {goal}" for metric, goal in sorted(asked))
        raise OvernightError(
            f"These logs cannot be compared: {told or 'there is none'}.",
            fix="Name logs of one metric, and the goal where a log does not say it.",
        )
    arms = tuple(arm for log in logs for arm in log.arms)
    twice = [name for name, count in Counter(arm.name for arm in arms).items() if count > 1]
    if twice:
        raise OvernightError(
            f"Two arms are called {one_line(twice[0])}.", fix="Give each log a name of its own."
        )
    return Contest(logs[0].metric, logs[0].goal, arms)


def goal_of(metric: str, rows: Sequence[Row], notes: list[Note]) -> Goal:
    """Which way a metric should go, by its name, else by where the kept values went."""
    named = goal_of_name(metric)
    if named is not None:
        return named
    kept = [row.value for row in rows if row.verdict is Verdict.KEEP and row.value is not None]
    rises = sum((new > old) - (new < old) for old, new in pairwise(kept))
    goal = Goal.MAXIMIZE if rises > 0 else Goal.MINIMIZE
    notes.append(
        Note(1, f"{quoted(metric)} is taken as to {goal}: its name does not say, kept values do")
    )
    return goal


def arm_of(
    rows: Iterable[Row], *, name: str, goal: Goal, notes: list[Note], setup: str = ""
) -> ArmRecord:
    """One arm with one night, which begins with the first segment's baseline."""
    segments: dict[int, list[Row]] = {}
    for row in rows:
        segments.setdefault(row.segment, []).append(row)
    starts: dict[int, float] = {}
    trials: list[ArmTrial] = []
    for segment in segments.values():
        baseline = _baseline(segment)
        _tell(segment, baseline, notes)
        if not starts and not trials and baseline is not None and baseline.value is not None:
            starts = {1: baseline.value}
        trials += _trials(segment, baseline, goal, notes)
    return ArmRecord(name, tuple(trials), starts=starts, setup=setup)


def _baseline(segment: Sequence[Row]) -> Row | None:
    """The first kept row, unless it had something to beat or something was discarded before it."""
    for row in segment:
        if row.to_beat is not None:
            return None
        if row.verdict is Verdict.KEEP and row.value is not None:
            return row
        if row.verdict is Verdict.DISCARD:
            break
    return None


def _tell(segment: Sequence[Row], baseline: Row | None, notes: list[Note]) -> None:
    if baseline is None and segment[0].to_beat is None:
        notes.append(Note(segment[0].line, "no baseline begins here"))
    elif baseline and not baseline.is_baseline and not _BASELINE.search(baseline.title):
        notes.append(Note(baseline.line, "taken as the baseline: it is the first that was kept"))


def _trials(
    segment: Sequence[Row], baseline: Row | None, goal: Goal, notes: list[Note]
) -> list[ArmTrial]:
    best, begun = None, baseline is None
    found = []
    for row in segment:
        attempt = not begun and bool(_BASELINE.search(row.title))
        begun = begun or row is baseline
        if attempt and row is not baseline:
            notes.append(Note(row.line, "an attempt at the baseline, not counted as a proposal"))
        elif row is not baseline and not row.is_baseline:
            known = row if row.to_beat is not None else replace(row, to_beat=best)
            found.append(_trial(known, goal))
        if row.verdict is Verdict.KEEP and row.value is not None:
            best = row.value
    return found


def _trial(row: Row, goal: Goal) -> ArmTrial:
    gain = None
    if row.value is not None and row.to_beat is not None:
        gain = goal.gain(old=row.to_beat, new=row.value)
    return ArmTrial(
        number=row.number,
        verdict=row.verdict,
        title=one_line(row.title),
        rationale=row.rationale,
        value=row.value,
        gain=gain,
        kept=row.verdict is Verdict.KEEP,
        device_s=row.device_s,
        agent_s=row.agent_s,
        wall_s=row.wall_s,
        tokens=row.tokens,
        finished_at=row.finished_at,
    )
