"""``overnight export``: every trial for other tools."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from overnight.cli.target import StudyOption, find_study, reading
from overnight.errors import OvernightError
from overnight.report.export import Format, encode
from overnight.report.files import write_atomically
from overnight.report.rows import trial_rows
from overnight.report.text import visible


def export(
    file_format: Annotated[
        Format | None,
        typer.Option("--format", "-f", help="[default: the output's suffix, else tsv]"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="[default: standard output]")
    ] = None,
    study: StudyOption = Path(),
) -> None:
    """Write every trial with all its metrics, times, tokens and costs.

    One row per trial: number, verdict, title, reason, value, gain over the incumbent of that
    moment, best, propose_s, measure_s, tokens, cost_usd, commits, and metric.NAME for each metric.
    What is not known is empty, or null.

    Examples:

        overnight export > trials.tsv

        overnight export -o trials.parquet
    """
    chosen = file_format or _by_suffix(output)
    if chosen is Format.PARQUET and output is None:
        raise OvernightError("Parquet is no text.", fix="Name a file: --output trials.parquet.")
    with reading(find_study(study).ledger) as reader:
        content = encode(trial_rows(reader), chosen)
    if output is not None:
        write_atomically(output, content)
    elif sys.stdout.isatty():
        typer.echo(visible(content.decode()), nl=False)
    else:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()


def _by_suffix(output: Path | None) -> Format:
    suffix = "" if output is None else output.suffix.lower().removeprefix(".")
    return Format(suffix) if suffix in [*Format] else Format.TSV
