"""``overnight audit``: what each kept change is really worth."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from overnight.assembly import assembled
from overnight.brief import one_line
from overnight.checkpoints.audit import audit as run_audit
from overnight.cli.display import show
from overnight.cli.target import JsonOption, find_study, reading
from overnight.config import Study, load_study
from overnight.errors import LedgerError, Stopped
from overnight.processes.supervisor import StopSignal
from overnight.report.jsons import to_json
from overnight.report.text import gain_text
from overnight.stopping import StopRequest
from overnight.types import CheckpointKind, JsonValue, Validation

_STYLES = {"helps": "green", "hurts": "bold red", "not told from noise": "yellow"}


def audit(
    study: Annotated[
        Path, typer.Option("--study", "-s", help="Study file, or the directory that holds it.")
    ] = Path(),
    repeats: Annotated[int, typer.Option("--repeats", "-n", min=2, help="Runs per commit.")] = 3,
    latest: Annotated[
        int | None, typer.Option(min=1, help="Only the newest keeps. [default: all]")
    ] = None,
    again: Annotated[
        bool, typer.Option("--last", help="Show the last audit; measure nothing.")
    ] = False,
    as_json: JsonOption = False,
    plain: Annotated[bool, typer.Option("--plain", help="Lines, also on a terminal.")] = False,
) -> None:
    """Measure every kept change again, and the best version without each of them.

    For each keep it says what it gains over the keep before it, and what the incumbent would lose
    without it, each with a 95 % interval, or that it could not be told from noise. Takes about
    two runs per keep and repeat; runs in turn, so that a drift of the machine hits all alike.
    Nothing is demoted: checkpoints do that. Ctrl-C stops; what was measured stays recorded.

    Examples:

        overnight audit

        overnight audit --repeats 5 --latest 3

        overnight audit --last --json
    """
    loaded = load_study(study)
    if not again:
        _measure(loaded, repeats=repeats, latest=latest, plain=plain or as_json)
    keeps = _last(study)
    if as_json:
        typer.echo(to_json({"keeps": keeps}, indent=2))
    else:
        Console().print(_table(keeps, metric=loaded.objective.metric))


def _measure(study: Study, *, repeats: int, latest: int | None, plain: bool) -> None:
    stop = StopSignal()
    with show(study, plain=plain, earlier=[]) as watcher:
        request = StopRequest(stop, watcher)
        with request.on_signals(), assembled(study, request, stop) as bench:
            try:
                run_audit(bench, repeats=repeats, latest=latest)
            except Stopped as stopped:
                watcher.say(str(stopped))
                sys.exit(stopped.exit_code)


def _last(study: Path) -> Sequence[JsonValue]:
    with reading(find_study(study).ledger) as reader:
        audits = [
            found
            for found in reader.checkpoints(CheckpointKind.AUDIT)
            if found.outcome not in (None, Validation.INTERRUPTED)
        ]
    keeps = audits[-1].facts.get("keeps") if audits else None
    if not isinstance(keeps, list):
        raise LedgerError("There is no audit yet.", fix="`overnight audit` makes one.")
    return keeps


def _table(keeps: Sequence[JsonValue], *, metric: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("trial", justify="right")
    table.add_column(Text(f"gain in {one_line(metric)}"))
    table.add_column("the incumbent would lose")
    table.add_column("so it")
    table.add_column("change", no_wrap=True, overflow="ellipsis", ratio=1)
    for keep in keeps:
        if isinstance(keep, dict):
            told = str(keep["told"])
            table.add_row(
                str(keep["trial"]),
                _interval(keep["step"]),
                _interval(keep["part"]),
                Text(told, _STYLES.get(told, "dim")),
                Text(one_line(str(keep["title"]))),
            )
    return table


def _interval(gain: JsonValue) -> str:
    if not isinstance(gain, dict):
        return "cannot be taken out alone"
    value, low, high = (gain[name] for name in ("value", "low", "high"))
    if not isinstance(value, float):
        return "unknown"
    interval = f" [{low:.3g}, {high:.3g}]" if isinstance(low, float | int) else ""
    return f"{gain_text(value)}{interval}"
