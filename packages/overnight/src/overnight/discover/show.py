"""Showing a discovery: a table on a terminal, one line per finding elsewhere."""

from collections.abc import Iterator
from dataclasses import replace

from rich.console import Console
from rich.table import Table
from rich.text import Text

from overnight.discover.findings import Certainty, Discovery, Finding
from overnight.discover.timing import duration_text

_STYLES = {Certainty.STATED: "green", Certainty.LIKELY: "cyan", Certainty.GUESS: "yellow"}
_NOTHING = "nothing found"


def show(console: Console, found: Discovery) -> None:
    """Print every finding with its place, and what was not found."""
    rows = list(_rows(found))
    if not console.is_terminal:
        for label, finding in rows:
            text = f"{label}: {_NOTHING}" if finding is None else _plain(label, finding)
            console.print(Text(text), soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("", "value", "certainty", "where and why"):
        table.add_column(heading, overflow="fold")
    for label, finding in rows:
        if finding is None:
            table.add_row(label, Text(_NOTHING, style="red"))
        else:
            table.add_row(
                label,
                Text(finding.value, style="bold"),
                Text(finding.certainty, style=_STYLES[finding.certainty]),
                Text(_where(finding), style="dim"),
            )
    console.print(table)


def _plain(label: str, finding: Finding[str]) -> str:
    return f"{label}: {finding.value} ({finding.certainty}; {_where(finding)})"


def _where(finding: Finding[str]) -> str:
    others = ", ".join(finding.alternatives)
    return f"{finding.origin}; or {others}" if others else finding.origin


def _rows(found: Discovery) -> Iterator[tuple[str, Finding[str] | None]]:
    yield "name", found.name
    yield "program", found.program or Finding("program.md", "will be written")
    yield "metric", found.metric
    yield "goal", found.goal
    yield from _several("editable", found.editable)
    yield from _several("protected", found.protected)
    yield "setup", found.setup
    yield "measure", found.measure
    deadline = found.deadline_s
    for path in found.home_paths:
        yield "read", path
    yield (
        "deadline",
        Finding(duration_text(deadline.value), deadline.why, deadline.certainty, deadline.source),
    )
    if found.reported:
        names = ", ".join(metric.value for metric in found.reported)
        yield "printed", replace(found.reported[0], value=names)
    if found.constraint is not None:
        yield "constraint", replace(found.constraint, why=f"suggested; {found.constraint.why}")


def _several(
    label: str, findings: tuple[Finding[str], ...]
) -> Iterator[tuple[str, Finding[str] | None]]:
    if not findings:
        yield label, None
    for finding in findings:
        yield label, finding
