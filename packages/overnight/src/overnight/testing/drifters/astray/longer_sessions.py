"""Its sessions grow from trial to trial, and what they bring does not."""

from collections.abc import Iterator
from dataclasses import replace

from overnight.testing.drifters.desk import Desk, Proposal
from overnight.testing.drifters.moves import any_move
from overnight.testing.drifters.sessions import session


def longer_sessions(desk: Desk) -> Iterator[Proposal]:
    """Each session after the turn is longer than the one before, on the whole by two thirds."""
    longer = 1.0
    while True:
        if desk.astray:
            longer = min(longer * desk.rng.uniform(1.4, 1.9), 12.0)
        proposal = any_move(desk)
        yield replace(proposal, session=session(desk, longer=longer)) if desk.astray else proposal
