"""``overnight steer``: a word to the researcher from another terminal."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from overnight.brief import one_line
from overnight.cli.target import StudyOption, find_study, reading
from overnight.errors import OvernightError
from overnight.layout import Layout
from overnight.ledger.records import EventRecord
from overnight.report.standing import lock_holder
from overnight.steering import (
    MOST_TEXT_CHARACTERS,
    Message,
    Order,
    inbox_of,
    post,
    still_pinned,
    waiting,
)
from overnight.types import EventKind

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
    show: Annotated[bool, typer.Option("--list", help="What is pinned, and what waits.")] = False,
    study: StudyOption = Path(),
) -> None:
    """Tell the researcher something in its next brief, or with `--pin` in all of them.

    The trial at hand has its brief already. Without a running night the message is kept for
    the next one.

    Examples:

        overnight steer "Try the warm-down first; depth has been explored enough."

        overnight steer --pin "Leave the tokenizer alone."

        overnight steer --list

        overnight steer --unpin 3
    """
    layout = find_study(study)
    if [bool(words), unpin is not None, show].count(True) != 1 or (pin and not words):
        raise OvernightError(
            "`overnight steer` takes a text, --unpin or --list.",
            fix='Write `overnight steer "try ..."`, with --pin where it should stay.',
        )
    if show:
        _list(layout)
    elif unpin is not None:
        _check_pinned(layout, unpin)
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


def _check_pinned(layout: Layout, number: int) -> None:
    if number not in {event.id for event in _pinned(layout)}:
        raise OvernightError(
            f"There is no pinned message {number}.", fix="`overnight steer --list` shows them."
        )


def _list(layout: Layout) -> None:
    for event in _pinned(layout):
        by = str(event.details.get("by"))
        typer.echo(_line(f"{event.id}: pinned", at=event.at, by=by, text=event.text))
    for message in waiting(inbox_of(layout)):
        if message.order in (Order.STEER, Order.UNPIN):
            what = "to be pinned, waiting" if message.pinned else "waiting"
            text = message.text or f"unpin {message.number}"
            typer.echo(_line(what, at=message.at, by=message.by, text=text))


def _pinned(layout: Layout) -> list[EventRecord]:
    if not layout.ledger.exists():
        return []
    with reading(layout.ledger) as reader:
        return still_pinned(reader.events(EventKind.STEERED, EventKind.UNPINNED))


def _line(what: str, *, at: datetime, by: str, text: str) -> str:
    when = at.astimezone().strftime("%Y-%m-%d %H:%M")
    return one_line(f"{what} ({when} {by}): {text}", most_characters=2 * MOST_TEXT_CHARACTERS)
