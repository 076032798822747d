"""``overnight steer``: a word to the researcher from another terminal."""

from pathlib import Path
from typing import Annotated

import typer

from overnight.brief import one_line
from overnight.cli.target import StudyOption, find_study
from overnight.errors import OvernightError
from overnight.layout import Layout
from overnight.report.standing import lock_holder
from overnight.steering import (
    MOST_TEXT_CHARACTERS,
    Message,
    Order,
    inbox_of,
    post,
    waiting,
)

_TAB_CHARACTERS = 4


def steer(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT", help="What the researcher is told.", show_default=False),
    ] = None,
    pin: Annotated[bool, typer.Option("--pin", help="In every brief until unpinned.")] = False,
    unpin: Annotated[
        int | None, typer.Option(min=1, metavar="NUMBER", help="Take a pinned message off.")
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="What no brief has told yet.")] = False,
    study: StudyOption = Path(),
) -> None:
    """Tell the researcher something in its next brief, or with `--pin` in all of them.

    The trial at hand has its brief already. Without a running night the message is kept for
    the next one.

    Examples:

        overnight steer "Try the warm-down first; depth has been explored enough."

        overnight steer --pin "Leave the tokenizer alone."

        overnight steer --unpin 3
    """
    layout = find_study(study)
    if [bool(words), unpin is not None, show].count(True) != 1 or (pin and not words):
        raise OvernightError(
            "`overnight steer` takes a text, --unpin or --list.",
            fix='Write `overnight steer "try ..."`, with --pin where it should stay.',
        )
    if show:
        _show_waiting(layout)
    elif unpin is not None:
        post(layout, Message(Order.UNPIN, number=unpin))
        typer.echo(f"Message {unpin} leaves the briefs with {next_brief(layout)}.")
    else:
        text = " ".join(words or ()).replace("\r\n", "\n").expandtabs(_TAB_CHARACTERS).strip()
        post(layout, Message(Order.STEER, text, pinned=pin))
        stays = " and every one after it, until it is unpinned" if pin else ""
        typer.echo(f"It goes into {next_brief(layout)}{stays}.")


def next_brief(layout: Layout) -> str:
    """Which brief is the next to be written."""
    if lock_holder(layout.lock) is None:
        return "the first brief of the next night; none is running"
    return "the next brief"


def _show_waiting(layout: Layout) -> None:
    for message in waiting(inbox_of(layout)):
        if message.order in (Order.STEER, Order.UNPIN):
            pinned = " pinned" if message.pinned else ""
            about = message.text or f"message {message.number}"
            when = message.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
            told = f"{when} {message.by}: {message.order}{pinned}: {about}"
            typer.echo(one_line(told, most_characters=2 * MOST_TEXT_CHARACTERS))
