"""autoresearch's ``results.tsv``, as its agents and the codex harness write it.

The columns are ``commit``, the metric, ``memory_gb``, ``status`` and ``description``; agents add,
leave out and reorder them. A crash stands there with a metric of 0.000000, which is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from overnight.importing.lines import Line, Note, lines_of, number_of, quoted, unreadable
from overnight.importing.rows import VERDICTS, Imported, Row, arm_of, goal_of
from overnight.importing.timing_log import Timing
from overnight.types import Goal, Verdict

_COLUMNS = ("commit", "val_bpb", "memory_gb", "status", "description")
_COUNTERS = {
    *("#", "date", "exp", "experiment", "id", "index", "iter", "iteration", "n", "run", "step"),
    *("time", "timestamp", "trial"),
}
_FIX = "autoresearch's has a line of column names, with `status`, and tabs between the columns."


@dataclass(frozen=True, slots=True)
class _Table:
    """Where things stand in a line."""

    metric: int
    status: int
    memory: int | None
    description: int | None
    names: Sequence[str]
    body: Sequence[Line]


def read_results(
    data: bytes,
    *,
    source: str,
    name: str,
    metric: str | None = None,
    goal: Goal | None = None,
    timing: Timing | None = None,
) -> Imported:
    """Read a table as one arm.

    Args:
        source: What the file is called in errors.
        name: Of the arm.
        metric: The column that holds the objective; without it, the first one of numbers.
        goal: Without it, the metric's name says, or the kept values do.
        timing: The codex harness's ``timing.log`` of the same night.

    Raises:
        OvernightError: It is no such table.
    """
    notes: list[Note] = []
    table = _table(lines_of(data, source=source, notes=notes), source, metric, notes)
    rows = [row for line in table.body if (row := _row(line, table, notes)) is not None]
    if not rows:
        raise unreadable(source, "has no row that can be read", fix=_FIX)
    found_metric = table.names[table.metric]
    goal = goal or goal_of(found_metric, rows, notes)
    if timing is not None:
        rows = timing.spread(rows, notes)
    rows = [replace(row, number=number) for number, row in enumerate(rows)]
    setup = "" if timing is None else timing.model
    arm = arm_of(rows, name=name, goal=goal, notes=notes, setup=setup)
    return Imported(found_metric, goal, (arm,), tuple(notes))


def _table(lines: Sequence[Line], source: str, metric: str | None, notes: list[Note]) -> _Table:
    if not lines:
        raise unreadable(source, "is empty", fix=_FIX)
    names = [cell.lower() for cell in _cells(lines[0])]
    body = lines[1:]
    if "status" not in names:
        if len(names) < len(_COLUMNS) or names[3] not in VERDICTS:
            why = f"names no column `status`: {quoted(lines[0].text)}"
            raise unreadable(source, why, line=lines[0].number, fix=_FIX)
        notes.append(Note(lines[0].number, "no column names; taken as autoresearch's five"))
        names, body = list(_COLUMNS), lines
    return _Table(
        metric=_metric(names, body, source, metric),
        status=names.index("status"),
        memory=names.index("memory_gb") if "memory_gb" in names else None,
        description=names.index("description") if "description" in names else None,
        names=names,
        body=body,
    )


def _metric(names: Sequence[str], body: Sequence[Line], source: str, wanted: str | None) -> int:
    """The column of the objective."""
    if wanted is not None:
        if wanted.lower() in names:
            return names.index(wanted.lower())
        raise unreadable(source, f"has no column {quoted(wanted)}", fix="Name one of its columns.")
    cells = [_cells(line) for line in body]
    for place, name in enumerate(names):
        if name in _COUNTERS or name.startswith("memory") or name in ("commit", "status"):
            continue
        numbers = sum(place < len(row) and number_of(row[place]) is not None for row in cells)
        if 2 * numbers >= len(cells) > 0:
            return place
    raise unreadable(source, "has no column of numbers", fix="Name the metric's column.")


def _row(line: Line, table: _Table, notes: list[Note]) -> Row | None:
    cells = _cells(line)
    if len(cells) <= max(table.status, table.metric):
        notes.append(Note(line.number, f"left out: columns are missing: {quoted(line.text)}"))
        return None
    verdict = VERDICTS.get(cells[table.status].lower())
    if verdict is None:
        status = quoted(cells[table.status])
        notes.append(Note(line.number, f"left out: {status} is no status that is known"))
        return None
    return Row(
        line=line.number,
        number=0,
        verdict=verdict,
        value=_value(cells, verdict, table, line, notes),
        title=_description(cells, table),
    )


def _value(
    cells: Sequence[str], verdict: Verdict, table: _Table, line: Line, notes: list[Note]
) -> float | None:
    """The metric, where it was measured: a crash has none, and nor has a row of zeros."""
    if verdict not in (Verdict.KEEP, Verdict.DISCARD, Verdict.VIOLATION):
        return None
    value = number_of(cells[table.metric])
    memory = None
    if table.memory is not None and table.memory < len(cells):
        memory = number_of(cells[table.memory])
    if value is None or (value == 0 and memory == 0):
        notes.append(Note(line.number, f"{quoted(cells[table.metric])} is taken as not measured"))
        return None
    return value


def _description(cells: Sequence[str], table: _Table) -> str:
    """With the tabs that it may contain where it stands last."""
    if table.description is None:
        return ""
    is_last = table.description == len(table.names) - 1
    end = None if is_last else table.description + 1
    return " ".join(cells[table.description : end])


def _cells(line: Line) -> list[str]:
    return [cell.strip() for cell in line.text.split("\t")]
