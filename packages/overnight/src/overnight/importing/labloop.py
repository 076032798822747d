"""labloop's ledger, as version 1.0.5 writes it: JSON lines of trials, manifests and forks.

A trial has `index`, `outcome`, `metric`, `incumbent` (the value to beat), `duration_seconds`
(proposal and runs together), `note` and `direction`. A manifest says metric, goal and `label`, who
or what proposes from there on. What a proposal was is not recorded.
"""

from collections.abc import Collection, Mapping
from typing import TypeAlias

from overnight.importing.lines import Note, number_of, objects_of, quoted, text_of, unreadable
from overnight.importing.rows import Imported, Row, arm_of
from overnight.types import Goal, Verdict

_VERDICTS: Mapping[str, Verdict] = {
    "kept": Verdict.KEEP,
    "reverted": Verdict.DISCARD,
    "no_change": Verdict.INTERRUPTED,
    "failed": Verdict.CRASH,
    "timed_out": Verdict.TIMEOUT,
    "no_metric": Verdict.NO_METRIC,
    "not_finite": Verdict.NO_METRIC,
    "harness_changed": Verdict.TAMPERED,
    "interrupted": Verdict.INTERRUPTED,
}
_NO_PROPOSAL = ("propose command failed", "proposal exceeded ", "proposal left the tree unchanged")
_Place: TypeAlias = tuple[str, str]  # label and direction
_FIX = "labloop writes it as labloop.jsonl, with an `outcome` for each trial."


def read_labloop(data: bytes, *, source: str, name: str, goal: Goal | None = None) -> Imported:
    """Read a ledger as one arm for each label and direction that it has.

    Args:
        source: What the file is called in errors.
        name: Of the arm where there is no label.
        goal: Without it, the manifest's.

    Raises:
        OvernightError: It has no trial.
    """
    notes: list[Note] = []
    arms: dict[_Place, list[Row]] = {}
    manifest: Mapping[str, object] = {}
    for line, record in objects_of(data, source=source, notes=notes):
        if record.get("manifest") == 1:
            manifest = record
        elif "outcome" in record:
            row = _row(line, record, notes)
            arms[_place(record, manifest, arms)] += [row] if row else []
        elif record.get("fork") != 1:
            notes.append(Note(line, "left out: it is no trial of labloop's"))
    found = {place: rows for place, rows in arms.items() if rows}
    if not found:
        raise unreadable(source, "has no trial that can be read", fix=_FIX)
    goal = goal or _goal(manifest, notes)
    return Imported(
        metric=text_of(manifest.get("metric")) or "metric",
        goal=goal,
        arms=tuple(
            arm_of(rows, name=_name(name, place, found), goal=goal, notes=notes)
            for place, rows in found.items()
        ),
        notes=tuple(notes),
    )


def _place(
    record: Mapping[str, object], manifest: Mapping[str, object], arms: dict[_Place, list[Row]]
) -> _Place:
    """Whose trial a record is; who comes first in a direction takes over what began it."""
    direction = text_of(record.get("direction")) or "main"
    place = text_of(manifest.get("label")), direction
    if place not in arms:
        begun = [
            other
            for other, rows in arms.items()
            if other[1] == direction and all(row.is_baseline for row in rows)
        ]
        arms[place] = [row for other in begun for row in arms.pop(other)]
    return place


def _row(line: int, record: Mapping[str, object], notes: list[Note]) -> Row | None:
    verdict = _VERDICTS.get(text_of(record.get("outcome")))
    if verdict is None:
        outcome = quoted(str(record.get("outcome")))
        notes.append(Note(line, f"left out: {outcome} is no outcome that is known"))
        return None
    note, index = text_of(record.get("note")), number_of(record.get("index"))
    duration_s = _duration_s(record)
    if note.startswith(_NO_PROPOSAL):
        verdict = Verdict.INTERRUPTED
    proposed = verdict is not Verdict.INTERRUPTED
    return Row(
        line=line,
        number=line if index is None else int(index),
        verdict=verdict,
        value=number_of(record.get("metric")) if proposed else None,
        title=note,
        is_baseline=note == "baseline",
        to_beat=number_of(record.get("incumbent")),
        device_s=None if proposed else 0.0,
        agent_s=None if proposed else duration_s,
        wall_s=duration_s,
    )


def _duration_s(record: Mapping[str, object]) -> float | None:
    seconds = number_of(record.get("duration_seconds"))
    return seconds if seconds is not None and seconds >= 0 else None


def _goal(manifest: Mapping[str, object], notes: list[Note]) -> Goal:
    goal = text_of(manifest.get("goal"))
    if goal in tuple(Goal):
        return Goal(goal)
    notes.append(Note(1, "no manifest says the goal; taken as to minimize"))
    return Goal.MINIMIZE


def _name(name: str, place: _Place, places: Collection[_Place]) -> str:
    label, direction = place
    several = len({other for _, other in places}) > 1
    return f"{label or name}/{direction}" if several else label or name
