"""Stays with one part of the program for dozens of trials before it takes the next."""

import re
from collections.abc import Iterator, Mapping, Sequence

from overnight.testing.drifters.desk import Desk, Proposal
from overnight.testing.drifters.ideas import Idea
from overnight.testing.drifters.moves import fresh_ideas, try_idea, turn_constant

_PARTS: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    "schedule": (("schedule",), ("WARMUP", "WARMDOWN", "FINAL_LR", "LEARNING_RATE")),
    "attention": (("attend", "normalise"), ("HEADS", "CONTEXT", "WIDTH")),
    "optimiser": (("update", "objective"), ("BETA1", "BETA2", "WEIGHT_DECAY", "GRADIENT_CLIP")),
    "block": (("activation", "residual", "initialise"), ("EXPANSION", "INIT_SCALE", "LAYERS")),
}


def subsystem_explorer(desk: Desk) -> Iterator[Proposal]:
    """One part after the other, every idea of it also with other numbers in it."""
    parts = list(_PARTS.values())
    desk.rng.shuffle(parts)
    while True:
        for functions, names in parts:
            for _ in range(desk.rng.randint(18, 28)):
                ideas = fresh_ideas(desk, functions)
                if ideas and desk.rng.random() < 0.5:
                    yield try_idea(desk, _varied(desk, desk.rng.choice(ideas)))
                else:
                    yield turn_constant(desk, names)


def _varied(desk: Desk, idea: Idea) -> Idea:
    """The same idea with some of its decimals halved or doubled."""
    factor = desk.rng.choice((0.5, 2.0))
    body = re.sub(r"\b0\.\d+\b", lambda found: f"{float(found[0]) * factor:g}", idea.body)
    return Idea(idea.function, idea.name, idea.why, body)
