"""Rewrites whole functions; most of it fails, and it turns constants only for want of ideas."""

from collections.abc import Iterator
from dataclasses import replace

from overnight.testing.drifters.desk import Desk, Proposal
from overnight.testing.drifters.ideas import IDEAS, Idea
from overnight.testing.drifters.moves import fresh_ideas, try_idea, turn_constant
from overnight.testing.drifters.program import TRAIN


def bold_architect(desk: Desk) -> Iterator[Proposal]:
    """New ideas as long as there are some, now and then two at once; constants when it has none."""
    while True:
        ideas = fresh_ideas(desk)
        if desk.rng.random() < 0.1:
            yield _two_at_once(desk, *_pair(desk))
        else:
            yield try_idea(desk, desk.rng.choice(ideas)) if ideas else turn_constant(desk)


def _pair(desk: Desk) -> tuple[Idea, Idea]:
    """Two ideas for different functions."""
    one = desk.rng.choice(IDEAS)
    return one, desk.rng.choice([idea for idea in IDEAS if idea.function != one.function])


def _two_at_once(desk: Desk, one: Idea, other: Idea) -> Proposal:
    first = try_idea(desk, one)
    text = first.files[TRAIN] or ""
    second = try_idea(replace(desk, files={**desk.files, TRAIN: text}), other)
    return replace(
        second,
        title=f"{one.name} together with {other.name}",
        rationale=f"{first.rationale} {second.rationale}",
    )
