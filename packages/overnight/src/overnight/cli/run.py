"""``overnight run``: one night."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from overnight.brief import one_line
from overnight.cli.display import show
from overnight.cli.summary import print_summary
from overnight.config import Study, load_study
from overnight.errors import OvernightError
from overnight.layout import Layout
from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import TrialRecord
from overnight.night import NightEnd, run_night


def run(
    study: Annotated[
        Path, typer.Option("--study", "-s", help="Study file, or the directory that holds it.")
    ] = Path(),
    trials: Annotated[
        int | None, typer.Option(min=1, help="Trials in this night, in place of the study's.")
    ] = None,
    hours: Annotated[
        float | None, typer.Option(min=0.0, help="Hours for this night, in place of the study's.")
    ] = None,
    researcher: Annotated[
        str | None, typer.Option("--researcher", "-r", help="Kind, in place of the study's.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="The agent's model.")] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Lines, also on a terminal.")] = False,
) -> None:
    """Run the study until its budget is used up, or go on with a night that was cut off.

    Your working tree and current branch are never touched: kept changes go to the branch
    `overnight/NAME`, everything is recorded in `.overnight/`. Ctrl-C once finishes the trial
    at hand, twice stops now; running again goes on.

    Examples:

        overnight run

        overnight run --trials 20 --researcher tune

        overnight run --hours 8 --researcher codex --model gpt-5.4
    """
    loaded = load_study(study).override(
        trials=trials, hours=hours, researcher=researcher, model=model
    )
    end = run_and_show(loaded, plain=plain)
    if not end.finished:
        sys.exit(130)


def run_and_show(study: Study, *, plain: bool) -> NightEnd:
    """Run a night with a display, and print what came of it."""
    layout = Layout(study.root)
    with show(study, plain=plain, earlier=_earlier(layout)) as watcher:
        end = run_night(study, watcher)
    console = Console()
    print_summary(study, layout, end, console)
    _draw(layout, console)
    return end


def _draw(layout: Layout, console: Console) -> None:
    from overnight.report.progress import write_progress  # noqa: PLC0415 (altair is slow to import)

    reader = LedgerReader(layout.ledger)
    try:
        write_progress(reader, layout.picture)
    except (OSError, OvernightError) as error:
        console.print(Text(f"No picture: {one_line(str(error))}"), soft_wrap=True)
        return
    finally:
        reader.close()
    console.print(Text(f"Picture: {layout.picture}"), soft_wrap=True)


def _earlier(layout: Layout) -> list[TrialRecord]:
    if not layout.ledger.exists():
        return []
    reader = LedgerReader(layout.ledger)
    try:
        incumbent = reader.incumbent()
        return [] if incumbent is None else [reader.trial(0), incumbent]
    finally:
        reader.close()
