"""One idea over and over, each time built another way: helpers, loops, other formulas."""

from collections.abc import Iterator

from overnight.testing.drifters.desk import Desk, Proposal
from overnight.testing.drifters.moves import any_move, hand_in, with_body
from overnight.testing.drifters.program import TRAIN

_BODIES = (
    """    if progress < WARMUP:
        return progress / WARMUP
    fall = min(1.0, (1 - progress) / {share})
    return max(FINAL_LR, fall)
""",
    """    rising = progress / WARMUP
    falling = (1 - progress) / {share}
    return max(FINAL_LR, min(1.0, rising, falling))
""",
    """    points = ((0.0, 0.0), (WARMUP, 1.0), (1 - {share}, 1.0), (1.0, FINAL_LR))
    for (left, low), (right, high) in zip(points, points[1:]):
        if progress <= right:
            return low + (high - low) * (progress - left) / max(right - left, 1e-9)
    return FINAL_LR
""",
    """    phase = 0 if progress < WARMUP else 1 if progress < 1 - {share} else 2
    if phase == 0:
        return progress / WARMUP
    return 1.0 if phase == 1 else max(FINAL_LR, (1 - progress) / {share})
""",
    """    warm = min(progress / WARMUP, 1.0)
    cool = min((1 - progress) / {share}, 1.0)
    return max(FINAL_LR, warm * cool)
""",
)
_TITLES = (
    "Longer warmdown",
    "Start the fall of the rate earlier",
    "Trapezoid schedule with a long tail",
    "Let the rate come down over most of the run",
    "Extended cooldown phase",
    "Rework schedule() around a long decay",
)


def paraphraser(desk: Desk) -> Iterator[Proposal]:
    """Once astray, it is always the long warmdown."""
    while True:
        if not desk.strays():
            yield any_move(desk)
            continue
        share = f"{desk.rng.uniform(0.5, 0.6):.3f}"
        body = desk.rng.choice(_BODIES).format(share=share)
        yield hand_in(
            desk,
            desk.rng.choice(_TITLES),
            name="schedule",
            why="a longer fall of the rate anneals better",
            text=with_body(desk.files[TRAIN], "schedule", body),
        )
