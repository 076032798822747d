"""``overnight stop``: an orderly end from another terminal."""

import os
import signal
import socket
from pathlib import Path
from typing import Annotated

import psutil
import typer

from overnight.brief import one_line
from overnight.cli.pause import running_night, what_comes_first
from overnight.cli.target import StudyOption, find_study
from overnight.errors import OvernightError
from overnight.report.standing import Holder
from overnight.steering import Message, Order, post


def stop(
    now: Annotated[bool, typer.Option("--now", help="Do not wait for the trial at hand.")] = False,
    study: StudyOption = Path(),
) -> None:
    """End the running night after the trial at hand, or with `--now` at once.

    Nothing is lost: a trial that is cut off while it is measured is measured again when
    `overnight run` goes on.

    Examples:

        overnight stop

        overnight stop --now
    """
    layout = find_study(study)
    holder = running_night(layout)
    post(layout, Message(Order.STOP, now=now))
    if now:
        typer.echo(one_line(_stop_now(holder, lock=layout.lock)))
    else:
        typer.echo(f"{what_comes_first(layout, then='stops')} `overnight run` goes on with it.")


def _stop_now(holder: Holder, *, lock: Path) -> str:
    if holder.pid is None:
        return "The night is just beginning, and stops when it looks for messages."
    if holder.host != socket.gethostname():
        return (
            f"The night runs on {holder.host} and stops when it next looks for messages;"
            f" `kill {holder.pid}` there stops it at once."
        )
    try:
        if not _has_open(holder.pid, lock):
            return "The night has just ended."
        os.kill(holder.pid, signal.SIGTERM)
    except (psutil.NoSuchProcess, ProcessLookupError):
        return "The night has just ended."
    except (psutil.AccessDenied, PermissionError) as error:
        raise OvernightError(
            f"Process {holder.pid} belongs to somebody else; it stops after the trial at hand.",
            fix=f"`sudo kill {holder.pid}` stops it at once.",
        ) from error
    return f"The night of process {holder.pid} stops now; `overnight run` goes on with it."


def _has_open(pid: int, file: Path) -> bool:
    """Whether a process has a file open; its number may be another one's by now."""
    return str(file.resolve()) in {opened.path for opened in psutil.Process(pid).open_files()}
