"""``overnight pause``: the night holds still between two trials."""

from datetime import UTC, datetime
from pathlib import Path

import typer

from overnight.cli.target import StudyOption, find_study, reading
from overnight.config import load_study
from overnight.durations import format_duration
from overnight.errors import OvernightError, StudyFileError
from overnight.layout import Layout
from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import TrialRecord
from overnight.report.standing import Holder, lock_holder
from overnight.steering import Message, Order, post
from overnight.types import State


def pause(study: StudyOption = Path()) -> None:
    """Pause the running night after the trial at hand; the GPU is free until it goes on.

    Nothing is lost: `overnight resume` goes on.

    Examples:

        overnight pause

        overnight pause && sleep 3600 && overnight resume
    """
    layout = find_study(study)
    running_night(layout)
    post(layout, Message(Order.PAUSE))
    typer.echo(f"{what_comes_first(layout, then='pauses')} `overnight resume` goes on.")


def running_night(layout: Layout) -> Holder:
    """Who runs the study.

    Raises:
        OvernightError: Nobody does.
    """
    holder = lock_holder(layout.lock)
    if holder is None:
        raise OvernightError(
            f"No night of the study in {layout.root} is running.",
            fix="`overnight status` says where it stands; `overnight run` begins or goes on.",
        )
    return holder


def what_comes_first(layout: Layout, *, then: str) -> str:
    """A sentence: what is brought to its end before the night does something."""
    between = f"The night {then} before its next trial."
    if not layout.ledger.exists():
        return between
    with reading(layout.ledger) as reader:
        at_hand = reader.unfinished()
        if not at_hand:
            return between
        trial = at_hand[0]
        if trial.state is not State.MEASURING:
            return f"Trial {trial.number} is being proposed; the night {then} after it."
        left_s = _most_left_s(layout, reader, trial)
        most = "" if left_s is None else f", at most {format_duration(left_s)} more"
        return f"Trial {trial.number} is being measured{most}; the night {then} after it."


def _most_left_s(layout: Layout, reader: LedgerReader, trial: TrialRecord) -> float | None:
    """How long the run under way may still last, where that can be told."""
    runs = reader.runs(trial.number)
    if not runs or runs[-1].outcome is not None:
        return None
    try:
        study = load_study(layout.root)
    except StudyFileError:
        return None
    setup_s = study.setup.deadline_s if study.setup else 0.0
    past_s = (datetime.now(UTC) - runs[-1].started_at).total_seconds()
    return max(0.0, study.measure.deadline_s + setup_s - past_s)
