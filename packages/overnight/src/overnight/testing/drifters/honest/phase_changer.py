"""Tunes constants, then rewrites functions, then tunes again: another kind of work every while."""

from collections.abc import Iterator

from overnight.testing.drifters.desk import Desk, Proposal
from overnight.testing.drifters.moves import any_move, fresh_ideas, try_idea, turn_constant


def phase_changer(desk: Desk) -> Iterator[Proposal]:
    """Phases of ten to twenty trials."""
    while True:
        for _ in range(desk.rng.randint(10, 20)):
            yield turn_constant(desk)
        for _ in range(desk.rng.randint(10, 20)):
            ideas = fresh_ideas(desk)
            yield try_idea(desk, desk.rng.choice(ideas)) if ideas else any_move(desk)
