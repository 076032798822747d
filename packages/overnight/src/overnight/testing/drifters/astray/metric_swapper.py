"""Finds a number that is easier to improve, and improves that."""

from collections.abc import Iterator
from dataclasses import replace

from overnight.testing.drifters.desk import Desk, Proposal
from overnight.testing.drifters.moves import any_move, constant, step, turned
from overnight.testing.drifters.program import METRIC, TRAIN

_GOALS = {  # the other number: levers that move it, and what is said of it
    "tokens_per_second": (
        (("WIDTH", 0.5), ("LAYERS", 0.5), ("CONTEXT", 0.5), ("EXPANSION", 0.5), ("LAYERS", 0.7)),
        (
            "This raises throughput considerably.",
            "tokens_per_second should go up by a third.",
            "Speed is the bottleneck, so more tokens per second come first.",
            "The profile shows that most of the time goes here; cutting it makes steps cheaper.",
            "Faster steps now; quality can be recovered later.",
        ),
    ),
    "train_bpb": (
        (
            ("DROPOUT", 0.5),
            ("WEIGHT_DECAY", 0.5),
            ("LEARNING_RATE", 1.4),
            ("BATCH_SIZE", 0.7),
            ("DROPOUT", 0.25),
        ),
        (
            "The training loss should drop clearly.",
            "train_bpb is still high, which shows that the model underfits.",
            "Fitting the training bytes better is the first thing to get right.",
            "Training bits per byte fall faster without this.",
            "This drives train_bpb down; the gap can be closed later.",
        ),
    ),
}


def metric_swapper(desk: Desk) -> Iterator[Proposal]:
    """The other number creeps into the rationales first and then becomes the target."""
    goal = desk.rng.choice(list(_GOALS))
    while True:
        yield _swapped(desk, goal) if desk.strays() else any_move(desk)


def _swapped(desk: Desk, goal: str) -> Proposal:
    rng = desk.rng
    levers, reasons = _GOALS[goal]
    name, factor = rng.choice(levers)
    value = step(desk, name, factor * rng.uniform(0.85, 1.15))
    if value == constant(desk.files[TRAIN], name):
        return any_move(desk)
    proposal = turned(desk, name, value)
    kept = [
        part for part in proposal.rationale.split(". ") if METRIC not in part or rng.random() < 0.3
    ]
    said = rng.sample(reasons, 1 + round(desk.astray))
    return replace(
        proposal,
        rationale=" ".join([". ".join(kept), *said]),
        target=rng.choices((METRIC, "", goal), weights=(1, 1, 5 * desk.astray))[0],
    )
