"""The real search without a model, `overnight.researchers.tune`, on this program."""

from collections.abc import Iterator, Sequence

from overnight.drift.facts import TrialFacts
from overnight.researchers.tune.constants import survey
from overnight.researchers.tune.memory import Point, details, recall
from overnight.researchers.tune.search import Move, choose
from overnight.researchers.tune.space import Dial, NotTunable, Options, dial
from overnight.testing.drifters.desk import Desk, Proposal, Session
from overnight.testing.drifters.moves import with_constant
from overnight.testing.drifters.program import METRIC, OBJECTIVE, TRAIN
from overnight.types import PastTrial, Verdict


def tuner(desk: Desk) -> Iterator[Proposal]:
    """What `tune` proposes, in its own words; it declares no target and its sessions are short."""
    seed = desk.rng.randrange(10**6)
    moves: list[tuple[Point, Move]] = []
    while True:
        dials, point = _space(desk.files[TRAIN])
        history = _history(desk.trials, moves)
        kept = [trial.commit for trial in history if trial.verdict is Verdict.KEEP]
        commit = kept[-1] if kept else "c0"
        memory = recall(history, goal=OBJECTIVE.goal, incumbent=point, commit=commit or "c0")
        move = choose(dials, memory, seed=seed)
        if move is None:
            return
        moves.append((point, move))
        yield _proposal(desk, point, move)


def _space(text: str) -> tuple[list[Dial], Point]:
    dials: list[Dial] = []
    point = {}
    for constant in survey(text.encode()).constants:
        try:
            dials.append(dial(constant.name, constant, Options()))
        except NotTunable:
            continue
        point[constant.name] = constant.value
    return dials, point


def _history(trials: Sequence[TrialFacts], moves: Sequence[tuple[Point, Move]]) -> list[PastTrial]:
    """The finished trials as `tune` reads them; the measured noise of the baseline is unknown."""
    found = []
    parent = "c0"
    for trial, (point, move) in zip(trials, moves, strict=True):
        found.append(
            PastTrial(
                trial.number,
                trial.verdict,
                trial.metrics.get(METRIC),
                trial.title,
                "",
                details=details(move.point, incumbent=point, move=move.kind),
                parent_commit=parent,
                commit=f"c{trial.number}",
            )
        )
        if trial.verdict is Verdict.KEEP:
            parent = f"c{trial.number}"
    return found


def _proposal(desk: Desk, point: Point, move: Move) -> Proposal:
    text = desk.files[TRAIN]
    changes = {name: value for name, value in move.point.items() if value != point[name]}
    for name, value in changes.items():
        if isinstance(value, int | float):
            text = with_constant(text, name, value)
    return Proposal(
        title=", ".join(f"{name} {point[name]} -> {value}" for name, value in changes.items()),
        rationale=move.why,
        target="",
        files={TRAIN: text},
        session=Session(round(desk.rng.uniform(0.1, 0.8), 2), 0),
    )
