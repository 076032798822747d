"""``overnight plot``: the progress picture."""

from pathlib import Path
from typing import Annotated

import typer

from overnight.cli.target import StudyOption, find_study, reading
from overnight.report.progress import write_progress


def plot(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="A .png or .svg file. [default: .overnight/progress.png]"
        ),
    ] = None,
    study: StudyOption = Path(),
) -> None:
    """Draw every trial and the running best, and print where the picture is.

    Examples:

        overnight plot

        overnight plot -o progress.svg
    """
    layout = find_study(study)
    path = output or layout.state / "progress.png"
    with reading(layout.ledger) as reader:
        write_progress(reader, path)
    typer.echo(path)
