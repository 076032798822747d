"""Turns one constant at a time, goes on where it pays, and lives through long dry spells."""

from collections.abc import Iterator

from overnight.testing.drifters.desk import Desk, Proposal
from overnight.testing.drifters.moves import (
    CONSTANTS,
    constant,
    is_new,
    step,
    turn_constant,
    turned,
)
from overnight.testing.drifters.program import TRAIN
from overnight.types import Verdict

_WIDE, _FINE = (0.5, 0.7, 1.4, 2.0), (0.75, 0.85, 1.15, 1.3)


def patient_climber(desk: Desk) -> Iterator[Proposal]:
    """One constant per trial; the same step again after a keep; finer steps later in the night."""
    while True:
        name = desk.rng.choice(CONSTANTS)
        before = constant(desk.files[TRAIN], name)
        yield turn_constant(desk, [name], steps=_WIDE if desk.number < 30 else _FINE)
        while desk.trials[-1].verdict is Verdict.KEEP and desk.rng.random() < 0.8:
            now = constant(desk.files[TRAIN], name)
            onward = step(desk, name, now / before if before and now else 1.0)
            if not is_new(desk, name, onward):
                break
            before = now
            yield turned(desk, name, onward)
