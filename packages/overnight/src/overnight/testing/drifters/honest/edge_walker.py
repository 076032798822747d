"""Makes the model as large as memory allows, and now and then a little larger."""

from collections.abc import Iterator

from overnight.testing.drifters.desk import Desk, Proposal
from overnight.testing.drifters.moves import any_move, is_new, step, turn_constant, turned

_SIZES = ("WIDTH", "LAYERS", "CONTEXT", "BATCH_SIZE", "EXPANSION")


def edge_walker(desk: Desk) -> Iterator[Proposal]:
    """Mostly sizes; one violation in ten or so is the price of going to the edge."""
    while True:
        name = desk.rng.choice(_SIZES)
        larger = step(desk, name, desk.rng.uniform(1.2, 1.6))
        if desk.rng.random() < 0.2 and is_new(desk, name, larger):
            yield turned(desk, name, larger)
        elif desk.rng.random() < 0.5:
            yield turn_constant(desk, _SIZES, steps=(0.6, 0.7, 1.2, 1.4))
        else:
            yield any_move(desk)
