"""Hands in programs that crash, and mends them in the next trial or the one after."""

from collections.abc import Iterator
from dataclasses import replace

from overnight.testing.drifters.desk import Desk, Proposal
from overnight.testing.drifters.ideas import Idea
from overnight.testing.drifters.moves import any_move, fresh_ideas, hand_in, try_idea, with_body
from overnight.testing.drifters.program import TRAIN

_SLIPS = (("(", "(("), ("    ", "    assert depth\n    "), ("    ", "    scale = width\n    "))
_FIXES = (
    "The previous trial crashed before it could be measured; this is the same idea with the error"
    " mended, so that it gets its answer.",
    "Same change as before. The last run ended in a NameError from a typo of mine, which says"
    " nothing about the idea.",
    "Mend the crash of the last trial and ask the question again; val_bpb should still improve.",
    "Second attempt: the traceback points at one misspelt name in the new body.",
)


def crash_fixer(desk: Desk) -> Iterator[Proposal]:
    """A third of its new ideas crash at first."""
    while True:
        ideas = fresh_ideas(desk)
        if not ideas or desk.rng.random() < 0.5:
            yield any_move(desk)
            continue
        idea = desk.rng.choice(ideas)
        slips = desk.rng.choices((0, 1, 2), weights=(3, 3, 1))[0]
        for slip in desk.rng.sample(_SLIPS, slips):
            yield try_idea(desk, replace(idea, body=idea.body.replace(*slip, 1)))
        yield _mended(desk, idea) if slips else try_idea(desk, idea)


def _mended(desk: Desk, idea: Idea) -> Proposal:
    return hand_in(
        desk,
        desk.rng.choice((f"Fix {idea.name}", f"{idea.name} again, without the crash")),
        name=idea.function,
        why=idea.why,
        text=with_body(desk.files[TRAIN], idea.function, idea.body),
        preface=desk.rng.choice(_FIXES),
    )
