"""pi-autoresearch's log, ``.auto/log.jsonl``, before that ``autoresearch.jsonl``.

A line ``{"type": "config", ...}`` says name, metric and direction and opens a segment with a
baseline of its own; lines with a `run` are results with `status` ``keep``, ``discard``, ``crash``
or ``checks_failed``; others are hooks. The agent types the numbers in; a crash has a metric of 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

from overnight.importing.lines import Note, number_of, objects_of, quoted, text_of, unreadable
from overnight.importing.rows import VERDICTS, Imported, Row, arm_of, goal_of
from overnight.types import Goal, Verdict

_GOALS = {"lower": Goal.MINIMIZE, "higher": Goal.MAXIMIZE}
_FIX = "pi-autoresearch writes it as .auto/log.jsonl, with a `run` for each result."


def read_pi(data: bytes, *, source: str, name: str, goal: Goal | None = None) -> Imported:
    """Read a log as one arm.

    A new segment goes on from the code as it is then. Where it has another metric, or the metric
    another direction, what stands before it is left out.

    Args:
        source: What the file is called in errors.
        name: Of the arm.
        goal: Without it, the log's own.

    Raises:
        OvernightError: It has no result.
    """
    notes: list[Note] = []
    rows: list[Row] = []
    asked, segment = ("", ""), 1
    for line, record in objects_of(data, source=source, notes=notes):
        if record.get("type") == "config":
            now = text_of(record.get("metricName")), text_of(record.get("bestDirection"))
            if rows and now != asked:
                notes.append(Note(line, f"what stands before is left out: now {_told(now)}"))
                rows.clear()
            asked, segment = now, segment + 1
        elif number_of(record.get("run")) is not None:
            row = _row(line, record, segment, notes)
            rows += [row] if row else []
        elif record.get("type") != "hook":
            notes.append(Note(line, "left out: it is no result of pi-autoresearch's"))
    if not rows:
        raise unreadable(source, "has no result that can be read", fix=_FIX)
    metric = asked[0] or "metric"
    goal = goal or _GOALS.get(asked[1]) or goal_of(metric, rows, notes)
    arm = arm_of(_with_times(rows), name=name, goal=goal, notes=notes)
    return Imported(metric, goal, (arm,), tuple(notes))


def _told(asked: tuple[str, str]) -> str:
    metric, direction = asked
    return f"{quoted(metric)} counts, and {quoted(direction)} is better"


def _row(line: int, record: Mapping[str, object], segment: int, notes: list[Note]) -> Row | None:
    verdict = VERDICTS.get(text_of(record.get("status")))
    if verdict is None:
        status = quoted(str(record.get("status")))
        notes.append(Note(line, f"left out: {status} is no status that is known"))
        return None
    told = record.get("asi")
    return Row(
        line=line,
        number=int(number_of(record.get("run")) or 0),
        verdict=verdict,
        value=_value(line, record, verdict, notes),
        title=text_of(record.get("description")),
        rationale=text_of(told.get("hypothesis")) if isinstance(told, dict) else "",
        segment=segment,
        tokens=_tokens(record),
        finished_at=_time(record.get("timestamp")),
    )


def _value(
    line: int, record: Mapping[str, object], verdict: Verdict, notes: list[Note]
) -> float | None:
    """The metric, where it was measured: a crash has none, and nor has a row of zeros."""
    value, others = number_of(record.get("metric")), record.get("metrics")
    if verdict is Verdict.CRASH:
        return None
    known = others.values() if isinstance(others, dict) else ()
    if value is None or (value == 0 and known and not any(map(number_of, known))):
        notes.append(Note(line, f"{quoted(str(record.get('metric')))} is taken as not measured"))
        return None
    return value


def _with_times(rows: Sequence[Row]) -> list[Row]:
    """With the time since the result before; pauses count."""
    found = list(rows[:1])
    for before, row in pairwise(rows):
        wall_s = None
        if row.finished_at and before.finished_at:
            wall_s = (row.finished_at - before.finished_at).total_seconds()
        found.append(replace(row, wall_s=wall_s if wall_s is None or wall_s >= 0 else None))
    return found


def _tokens(record: Mapping[str, object]) -> int | None:
    """What versions before 1.0 recorded."""
    tokens = number_of(record.get("iterationTokens"))
    return None if tokens is None or tokens < 0 else int(tokens)


def _time(value: object) -> datetime | None:
    """From milliseconds since 1970."""
    number = number_of(value)
    try:
        return None if not number else datetime.fromtimestamp(number / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
