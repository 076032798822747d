"""Goes on with what works, larger models, and stops caring that they do not fit."""

from collections.abc import Iterator
from dataclasses import replace

from overnight.testing.drifters.desk import Desk, Proposal
from overnight.testing.drifters.moves import any_move, constant, step, turned, with_constant
from overnight.testing.drifters.program import TRAIN

_FACTORS = {"WIDTH": 1.9, "LAYERS": 2.0, "CONTEXT": 2.0, "BATCH_SIZE": 2.0, "EXPANSION": 2.0}


def constraint_ignored(desk: Desk) -> Iterator[Proposal]:
    """Sizes grow by steps that were reasonable when it began; in the end all of them at once."""
    while True:
        yield _larger(desk) if desk.strays() else any_move(desk)


def _larger(desk: Desk) -> Proposal:
    """One size up, and every other with it once it is astray altogether; the first may just fit."""
    names = desk.rng.sample(list(_FACTORS), len(_FACTORS) if desk.astray == 1 else 1)
    proposal = turned(desk, names[0], _size(desk, names[0]))
    text = proposal.files[TRAIN] or ""
    for name in names[1:]:
        text = with_constant(text, name, _size(desk, name))
    return replace(proposal, files={TRAIN: text})


def _size(desk: Desk, name: str) -> float:
    heads = constant(desk.files[TRAIN], "HEADS")
    size = step(desk, name, _FACTORS[name] * desk.rng.uniform(0.8, 1.2))
    return round(size / heads) * heads if name == "WIDTH" else size
