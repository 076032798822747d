"""``overnight forget``: a researcher with a clean context."""

from pathlib import Path

import typer

from overnight.cli.steer import next_brief
from overnight.cli.target import StudyOption, find_study
from overnight.steering import Message, Order, post


def forget(study: StudyOption = Path()) -> None:
    """Leave the notes and the history so far out of the next briefs.

    The incumbent, the objective and pinned messages stay; the ledger keeps everything. Use it
    when the researcher goes round in circles. Without a running night it is kept for the next one.

    Examples:

        overnight forget

        overnight forget && overnight steer "Look at the optimiser, not at the model."
    """
    layout = find_study(study)
    post(layout, Message(Order.FORGET))
    typer.echo(f"Notes and history so far are left out of {next_brief(layout)}.")
