"""``overnight resume``: an end to a pause."""

from pathlib import Path

import typer

from overnight.cli.target import StudyOption, find_study
from overnight.report.standing import lock_holder
from overnight.steering import Message, Order, post


def resume(study: StudyOption = Path()) -> None:
    """Let a paused night go on, whether you paused it or it paused by itself.

    Without a running night it is kept for the next one.

    Examples:

        overnight resume

        overnight resume --study ~/nanochat
    """
    layout = find_study(study)
    post(layout, Message(Order.RESUME))
    if lock_holder(layout.lock) is None:
        typer.echo("No night is running; the next `overnight run` begins without a pause.")
    else:
        typer.echo("The night goes on, if it is paused.")
