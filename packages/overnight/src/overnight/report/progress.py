"""The progress picture: every trial, and the running best against trials and against time."""

from collections.abc import Sequence
from pathlib import Path

from overnight.brief import one_line
from overnight.durations import format_duration
from overnight.errors import OvernightError
from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import StudyRecord
from overnight.report.files import write_atomically
from overnight.report.points import Kind, Point, counts, kept, points_of
from overnight.report.rows import trial_rows
from overnight.report.text import percent
from overnight.types import Goal


def write_progress(reader: LedgerReader, path: Path) -> None:
    """Draw the progress of a study into a ``.png`` or ``.svg`` file.

    Raises:
        OvernightError: The file has another suffix or cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in (".png", ".svg"):
        raise OvernightError(
            f"{path.name} is neither a PNG nor an SVG.", fix="Name it progress.png or progress.svg."
        )
    # Altair is slow to import, and only pictures need it.
    from overnight.report import drawing  # noqa: PLC0415 (see above)

    points = points_of([row for row in trial_rows(reader) if row["arm"] is None])
    picture = drawing.progress_spec(
        points,
        goal=reader.study.goal,
        title=one_line(reader.study.name),
        subtitle=headline(reader.study, points),
    )
    write_atomically(
        path, drawing.render(picture, file_format="svg" if suffix == ".svg" else "png")
    )


def headline(study: StudyRecord, points: Sequence[Point]) -> list[str]:
    """What the study came to: from where to where, in how many trials and how long."""
    metric = one_line(study.metric, most_characters=60)
    direction = "lower is better" if study.goal is Goal.MINIMIZE else "higher is better"
    line = kept(points)
    if not line:
        return [f"{metric} ({direction})", "No trial is finished yet."]
    first, last = line[0].value, line[-1].value
    told = f"{metric} {first:.6g}"
    if len(line) > 1:
        better = percent(study.goal.gain(old=first, new=last), first)
        told += f" → {last:.6g}" + ("" if better is None else f", {better:.3g}% better")
    number = counts(points)
    kinds = ", ".join(f"{number[kind]} {kind}" for kind in Kind if number[kind])
    trials = f"{number.total()} trial{'' if number.total() == 1 else 's'}"
    lasted = format_duration(60 * max(point.minutes for point in points))
    return [f"{told} ({direction})", f"{trials} in {lasted}{': ' if kinds else ''}{kinds}"]
