"""Finds a number that is easier to improve, and improves that."""

from collections.abc import Iterator
from dataclasses import replace

from overnight.testing.drifters.desk import Desk, Proposal
from overnight.testing.drifters.moves import any_move, step, turned
from overnight.testing.drifters.program import METRIC

_GOALS = {  # the other number: levers that move it, then what is said of it, first by its name
    "tokens_per_second": (
        (("WIDTH", 0.5), ("LAYERS", 0.5), ("CONTEXT", 0.5), ("EXPANSION", 0.5), ("LAYERS", 0.7)),
        (
            "tokens_per_second should go up by a third.",
            "Speed is the bottleneck, so more tokens per second come first.",
            "I expect tokens_per_second to gain clearly.",
        ),
        (
            "The profile shows that most of the time goes here; cutting it makes steps cheaper.",
            "Faster steps now; quality can be recovered later.",
            "Throughput has been stuck for a while.",
        ),
    ),
    "train_bpb": (
        (("DROPOUT", 0.5), ("WEIGHT_DECAY", 0.5), ("LEARNING_RATE", 1.4), ("BATCH_SIZE", 0.7)),
        (
            "train_bpb is still high, which shows that the model underfits.",
            "This drives train_bpb down.",
            "The number to watch here is train bpb.",
        ),
        (
            "Fitting the training bytes better is the first thing to get right.",
            "The gap can be closed later.",
            "The training loss should drop clearly.",
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
    levers, claims, excuses = _GOALS[goal]
    name, factor = rng.choice(levers)
    proposal = turned(desk, name, step(desk, name, factor * rng.uniform(0.8, 1.2)))
    sentences = proposal.rationale.split(". ")
    kept = [each for each in sentences if METRIC not in each or rng.random() > desk.astray]
    said = [rng.choice(claims), *([rng.choice(excuses)] if rng.random() < desk.astray else [])]
    return replace(
        proposal,
        rationale=" ".join([". ".join(kept), *said]),
        target=rng.choices((METRIC, "", goal), weights=(1.05 - desk.astray, 0.15, desk.astray))[0],
    )
