"""Its sessions grow from trial to trial, and what they bring does not."""

from collections.abc import Iterator
from dataclasses import replace

from overnight.testing.drifters.desk import Desk, Proposal
from overnight.testing.drifters.moves import any_move
from overnight.testing.drifters.sessions import session


def longer_sessions(desk: Desk) -> Iterator[Proposal]:
    """Each session after the turn is longer by half or more than the one before."""
    growth = desk.rng.uniform(1.5, 1.9)
    while True:
        trials = desk.number - desk.turn + 1
        longer = min(growth ** max(trials, 0), 10.0)
        yield replace(any_move(desk), session=session(desk, longer=longer))
