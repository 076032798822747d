"""The codex harness's ``timing.log``: when each call of the agent began, and how long it took.

A line ``[tag] iter=3 start=TIME remaining=MINmin model=NAME`` opens an iteration, and
``[tag] iter=3 elapsed=402s experiments=3 latest_bpb=VALUE`` closes it, with the number of rows that
``results.tsv`` had then. The file ends with a copy of the table, which is no timing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from overnight.importing.lines import Note, lines_of, unreadable
from overnight.importing.rows import Row
from overnight.types import Verdict

_START = re.compile(r"\[[^\]]*\] iter=(\d{1,9}) start=(\S+) .*?\bmodel=(.*)")
_END = re.compile(r"\[[^\]]*\] iter=(\d{1,9}) elapsed=(\d{1,9})s experiments=(-?\d{1,9})\b")
_LAST = "FINAL RESULTS"


@dataclass(frozen=True, slots=True)
class Iteration:
    """One call of the agent.

    Attributes:
        rows: Rows of the table when it was over.
    """

    line: int
    elapsed_s: float
    rows: int
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Timing:
    """A night's calls, oldest first."""

    model: str
    iterations: tuple[Iteration, ...]

    def spread(self, rows: Sequence[Row], notes: list[Note]) -> list[Row]:
        """The rows with the time that each took, and a row without a proposal for a call of none.

        A call that wrote several rows is shared equally. The table's own line numbers count, since
        the harness counted lines.
        """
        places = [row.line - 2 for row in rows]
        found: list[Row] = []
        done, before = 0, 0
        for each in self.iterations:
            its_own = [
                row for row, place in zip(rows, places, strict=True) if before <= place < each.rows
            ]
            found += [_timed(row, each, share=len(its_own)) for row in its_own]
            if not its_own:
                found.append(_nothing(each))
            done, before = done + len(its_own), max(before, each.rows)
        left = [row for row, place in zip(rows, places, strict=True) if place >= before]
        if left:
            notes.append(Note(left[0].line, "not timed from here on: timing.log ends before"))
        return found + left


def read_timing(data: bytes, *, source: str) -> tuple[Timing, list[Note]]:
    """Read a log of times.

    Raises:
        OvernightError: It has no iteration that came to an end.
    """
    notes: list[Note] = []
    begun: dict[int, datetime | None] = {}
    model, iterations = "", []
    for line in lines_of(data, source=source, notes=notes):
        if _LAST in line.text:
            break
        start, end = _START.match(line.text), _END.match(line.text)
        if start is not None:
            begun[int(start[1])] = _time(start[2])
            model = model or start[3].strip()
        elif end is not None:
            at, elapsed_s = begun.pop(int(end[1]), None), float(end[2])
            finished = None if at is None else at + timedelta(seconds=elapsed_s)
            iterations.append(Iteration(line.number, elapsed_s, int(end[3]), finished))
        elif " iter=" in line.text:
            notes.append(Note(line.number, "left out: it is no line that the codex harness writes"))
    if not iterations:
        fix = "The codex harness writes `[tag] iter=1 elapsed=402s experiments=1 latest_bpb=1.04`."
        raise unreadable(source, "has no iteration that came to an end", fix=fix)
    return Timing(model, tuple(iterations)), notes


def _timed(row: Row, iteration: Iteration, *, share: int) -> Row:
    return replace(row, wall_s=iteration.elapsed_s / share, finished_at=iteration.finished_at)


def _nothing(iteration: Iteration) -> Row:
    return Row(
        line=iteration.line,
        number=0,
        verdict=Verdict.INTERRUPTED,
        value=None,
        title="no row in results.tsv",
        wall_s=iteration.elapsed_s,
        finished_at=iteration.finished_at,
    )


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
