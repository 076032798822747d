"""``overnight import``: nights of other harnesses as arms of a comparison."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.text import Text

from overnight.brief import one_line
from overnight.cli.target import JsonOption
from overnight.compare.analysis import Comparison, analyse
from overnight.compare.jsons import comparison_json
from overnight.compare.text import comparison_lines
from overnight.errors import OvernightError
from overnight.importing.files import import_log
from overnight.importing.rows import Imported, together
from overnight.report.comparison_picture import write_comparison
from overnight.report.files import write_atomically
from overnight.report.jsons import to_json
from overnight.types import Goal

_MOST_NOTES = 20


def import_(
    logs: Annotated[list[Path], typer.Argument(help="One log for each arm.", show_default=False)],
    name: Annotated[
        list[str] | None,
        typer.Option("--name", help="Of the arms, in the same order. [default: directories]"),
    ] = None,
    metric: Annotated[
        str | None, typer.Option(help="Column of the objective, where the log does not say.")
    ] = None,
    goal: Annotated[
        Goal | None, typer.Option(help="Which way it should go, where the log does not say.")
    ] = None,
    timing: Annotated[
        list[Path] | None,
        typer.Option(help="timing.log of each results.tsv. [default: the one beside it]"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write OUT.md, OUT.json and OUT.png as well.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Read nights of other harnesses, and say what can be said of them.

    Reads `results.tsv` of autoresearch and of the codex harness (with its `timing.log`), labloop's
    JSON Lines and pi-autoresearch's, told apart by content. A keep is a row that says so, whatever
    descriptions say; the baseline is counted apart; what was not measured is no 0. Their
    results were never measured side by side, so the records alone decide nothing, and the report
    says how large the gains are beside the difference of the baselines.

    Examples:

        overnight import gpt54/results.tsv spark/results.tsv --name gpt-5.4 --name spark

        overnight import labloop.jsonl --json | jq '.arms[0].accepted'

        overnight import a/results.tsv b/results.tsv --out night
    """
    names, timings = _for_each(name, logs, "--name"), _for_each(timing, logs, "--timing")
    imported = [
        import_log(log, name=own, metric=metric, goal=goal, timing=times)
        for log, own, times in zip(logs, names, timings, strict=True)
    ]
    found = analyse(together(imported))
    if out is not None:
        _write(found, out)
    if as_json:
        typer.echo(to_json(comparison_json(found), indent=2))
        return
    _tell_notes(imported)
    console = Console(soft_wrap=True)
    console.print(Text("\n".join(comparison_lines(found))))


_Given = TypeVar("_Given")


def _for_each(
    given: Sequence[_Given] | None, logs: Sequence[Path], option: str
) -> Sequence[_Given | None]:
    """One for each log, or none at all.

    Raises:
        OvernightError: There are some and not as many as logs.
    """
    if not given:
        return [None] * len(logs)
    if len(given) != len(logs):
        raise OvernightError(
            f"{option} was given {len(given)} times for {len(logs)} logs.",
            fix="Give it once for each log, in their order, or not at all.",
        )
    return given


def _tell_notes(imported: Sequence[Imported]) -> None:
    """What was passed over, on standard error, so that the report can be piped."""
    notes = [note for each in imported for note in each.notes]
    console = Console(stderr=True, soft_wrap=True)
    for note in notes[:_MOST_NOTES]:
        console.print(Text(one_line(str(note), most_characters=300), style="yellow"))
    if len(notes) > _MOST_NOTES:
        console.print(Text(f"and {len(notes) - _MOST_NOTES} more such notes", style="yellow"))


def _write(found: Comparison, out: Path) -> None:
    text = "\n".join(["# Imported nights", "", *comparison_lines(found), ""])
    write_atomically(out.with_suffix(".md"), text.encode())
    write_atomically(
        out.with_suffix(".json"), (to_json(comparison_json(found), indent=1) + "\n").encode()
    )
    write_comparison(found, out.with_suffix(".png"))
