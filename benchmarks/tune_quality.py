"""How much of the possible gain `tune` finds, beside plain TPE, random search and a hill-climb.

Planted objectives over the constants of a small GPT script, with noise, crashes and
interactions; no git and no training. Every searcher starts from the same constants, sees the same
noise and passes the same gate, so only the choice of points differs.

Run it: ``python benchmarks/tune_quality.py --seeds 20``. The design was chosen on seeds 0 to 19;
``--first-seed 1000`` measures it on seeds that had no say in it.
"""

import argparse
import itertools
import math
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import combinations_with_replacement, product
from typing import TypeVar

from overnight.researchers.tune import search
from overnight.researchers.tune.constants import survey
from overnight.researchers.tune.literals import Value
from overnight.researchers.tune.memory import Point, details, key, recall
from overnight.researchers.tune.sampler import draws
from overnight.researchers.tune.space import Dial, NotTunable, Options, dial
from overnight.types import Goal, JsonValue, PastTrial, Verdict

SCRIPT = b"""
LEARNING_RATE = 1e-3
BATCH_SIZE = 64
CONTEXT = 64
WIDTH = 64
LAYERS = 2
HEADS = 2
DROPOUT = 0.0
WEIGHT_DECAY = 0.0
WARMUP_FRACTION = 0.0
BETAS = (0.9, 0.999)
GRAD_CLIP = 1.0
INIT_SCALE = 1.0
ACTIVATION = "relu"  # relu, gelu or tanh
TIE_EMBEDDINGS = False
"""
T = TypeVar("T")
BUDGETS = (12, 30, 60)
NOISE = 0.004


@dataclass(frozen=True)
class Planted:
    """An objective with a known floor; None is a crash."""

    loss: Callable[[Point], float | None]
    floor: float


def additive(rng: random.Random) -> Planted:
    """Each constant has an optimum of its own, and few of them matter much."""
    weights = [rng.paretovariate(0.9) for _ in START]
    scale = 0.25 / sum(weights)
    shifts = {name: rng.gauss(0, 0.35) for name in START}
    better = {name: rng.random() < 0.5 for name in START}

    def loss(point: Point) -> float | None:
        total = 1.6
        for weight, (name, value) in zip(weights, point.items(), strict=True):
            total += weight * scale * min(_miss(name, value, shifts[name], better[name]), 4.0)
        return total

    return Planted(loss, 1.6)


def _miss(name: str, value: Value, shift: float, better: bool) -> float:
    if isinstance(value, bool | str):
        return 0.0 if (value != START[name]) == better else 0.7
    known = DIALS[name]
    low, high = known.place(known.rungs[0]), known.place(known.rungs[-1])
    best = min(max(known.place(START[name]) + shift, low), high)
    return ((known.place(value) - best) / 0.3) ** 2


def training(rng: random.Random) -> Planted:
    """A small model trained for a minute: rate, batch, width interact; big ones see few tokens."""
    speed = 2 ** rng.uniform(-1, 1)
    peak = 2 ** rng.uniform(-1, 1)
    gelu, tied = rng.uniform(0, 0.03), rng.uniform(-0.01, 0.02)
    clip, beta, init = rng.uniform(-0.5, 0.5), rng.uniform(0.95, 0.995), rng.uniform(-0.4, 0.4)

    def loss(point: Point) -> float | None:
        p = {name: float(v) for name, v in point.items() if not isinstance(v, bool | str)}
        if p["WIDTH"] % p["HEADS"]:
            return None
        size = p["WIDTH"] ** 2 * p["LAYERS"] * 12
        steps = 4e10 * speed / (size + 3e4) / p["BATCH_SIZE"] / p["CONTEXT"] / 8
        best_rate = 4e-3 * peak * (p["BATCH_SIZE"] / 32) ** 0.5 * (64 / p["WIDTH"]) ** 0.7
        off = math.log2(p["LEARNING_RATE"] / best_rate)
        if off > 3:
            return None
        effective = steps * p["BATCH_SIZE"] ** 0.5 * 2 ** (-0.35 * off**2)
        total: float = 1.2 + 14 * size**-0.35 + 6 * effective**-0.35 + 2 * p["CONTEXT"] ** -0.8
        total += 0.05 * (p["DROPOUT"] / 0.2) ** 2 + 0.02 * abs(p["WARMUP_FRACTION"] - 0.05) / 0.05
        total += 0.006 * (math.log10(p["WEIGHT_DECAY"] + 0.01) + 1) ** 2
        total += 0.01 * math.log10((1 - p["BETAS[1]"]) / (1 - beta)) ** 2
        total += 0.05 * (math.log10((1 - p["BETAS[0]"]) / 0.1)) ** 2
        total += 0.01 * (math.log10(p["GRAD_CLIP"]) - clip) ** 2
        total += 0.06 * (math.log10(p["INIT_SCALE"]) - init) ** 2
        total += 0.008 * abs(math.log2(p["WIDTH"] / p["HEADS"] / 32))
        total -= gelu * (point["ACTIVATION"] == "gelu") + tied * bool(point["TIE_EMBEDDINGS"])
        return total

    return Planted(loss, _descend(loss))


def valley(rng: random.Random) -> Planted:
    """Neighbouring constants pull on each other, so no single one shows the way for long."""
    names = [name for name, value in START.items() if not isinstance(value, bool | str)]
    shifts = {name: rng.gauss(0, 0.4) for name in names}
    shifts["LEARNING_RATE"] = max(shifts["LEARNING_RATE"], -0.99)  # the start itself must not crash
    weights = {name: rng.paretovariate(1.2) for name in names}
    scale = 0.3 / sum(weights.values())

    def loss(point: Point) -> float | None:
        away = {
            name: (DIALS[name].place(point[name]) - DIALS[name].place(START[name]) - shifts[name])
            / 0.4
            for name in names
        }
        total = 1.6
        for name, other in zip(names, names[1:] + names[:1], strict=True):
            total += weights[name] * scale * math.log1p((away[name] - 0.5 * away[other]) ** 2)
        return None if away["LEARNING_RATE"] > 2.5 else total

    return Planted(loss, _descend(loss))


def _descend(loss: Callable[[Point], float | None]) -> float:
    """The floor, by noise-free descent over single constants and pairs of big ones."""
    best, low = dict(START), loss(START) or math.inf
    improved = True
    while improved:
        improved = False
        for one, two in combinations_with_replacement(_dials(best), 2):
            for a, b in product(_some(one, best), _some(two, best)):
                point = {**best, one.name: a, two.name: b}
                value = loss(point)
                if value is not None and value < low - 1e-6:
                    best, low, improved = point, value, True
    return low


def _some(known: Dial, point: Point) -> Sequence[Value]:
    index = known.rungs.index(point[known.name]) if point[known.name] in known.rungs else 0
    return known.rungs[max(0, index - 2) : index + 3]


def _dials(point: Mapping[str, Value]) -> list[Dial]:
    found = []
    for constant in survey(SCRIPT).constants:
        current = type(constant)(
            constant.name, point.get(constant.name, constant.value), constant.comment
        )
        try:
            found.append(dial(constant.name, current, Options()))
        except NotTunable as why:
            raise AssertionError(constant.name) from why
    return found


DIALS = {known.name: known for known in _dials({})}
START: Point = {constant.name: constant.value for constant in survey(SCRIPT).constants}
OBJECTIVES = {"additive": additive, "training": training, "valley": valley}


def sure(value: T | None) -> T:
    """The value, which is there."""
    if value is None:
        raise LookupError("the start and the incumbents have a loss, and the space never ends")
    return value


@dataclass
class Night:
    """One study in memory: what was tried, what is kept, judged as the harness would."""

    planted: Planted
    rng: random.Random
    point: Point = field(default_factory=lambda: START)
    history: list[PastTrial] = field(default_factory=list)
    measured: float = 0.0
    commit: str = "c0"

    def __post_init__(self) -> None:
        self._record(START, {}, Verdict.KEEP)

    def _record(
        self, point: Point, notes: Mapping[str, JsonValue], verdict: Verdict | None
    ) -> None:
        true = self.planted.loss(point)
        value = None if true is None else true + self.rng.gauss(0, NOISE)
        if verdict is None:
            verdict = Verdict.DISCARD
            if value is None:
                verdict = Verdict.CRASH
            elif value < self.measured - NOISE:
                verdict = Verdict.KEEP
        number = len(self.history)
        self.history.append(
            PastTrial(
                number, verdict, value, "", "", details=notes, parent_commit=self.commit,
                commit=f"c{number}",
            )
        )  # fmt: skip
        if verdict is Verdict.KEEP and value is not None:
            self.point, self.measured, self.commit = point, value, f"c{number}"

    def trial(self, point: Point, kind: str = "") -> None:
        """Measure a point and keep it when it beats the incumbent by more than the noise."""
        self._record(point, details(point, incumbent=self.point, move=kind), None)

    def score(self, start: float) -> float:
        """The share of the possible gain that the incumbent has."""
        now = sure(self.planted.loss(self.point))
        return (start - now) / (start - self.planted.floor)


def propose_tune(night: Night, seed: int) -> Point:
    """What `overnight` does."""
    memory = recall(night.history, goal=Goal.MINIMIZE, incumbent=night.point, commit=night.commit)
    move = search.choose(_dials(night.point), memory, seed=seed)
    return sure(move).point


def propose_plain(night: Night, seed: int) -> Point:
    """Optuna's TPE with its defaults over the whole space around the start."""
    memory = recall(night.history, goal=Goal.MINIMIZE, incumbent=night.point, commit=night.commit)
    if len(night.history) <= 10:
        return propose_random(night, seed)
    found = draws(memory, free=list(DIALS.values()), seed=seed + len(night.history), count=1)
    return next(iter(found))


def propose_random(night: Night, seed: int) -> Point:
    """Anything, uniformly over each constant's scale."""
    rng = random.Random(f"{seed}/{len(night.history)}")
    point: dict[str, Value] = {}
    for known in DIALS.values():
        if known.ordered:
            low, high = known.place(known.rungs[0]), known.place(known.rungs[-1])
            point[known.name] = known.nearest(rng.uniform(low, high))
        else:
            point[known.name] = rng.choice(known.rungs)
    return point


def propose_climb(night: Night, seed: int) -> Point:
    """The same first looks and onward steps, then random steps along random constants."""
    dials = _dials(night.point)
    memory = recall(night.history, goal=Goal.MINIMIZE, incumbent=night.point, commit=night.commit)
    rng = random.Random(f"{seed}/{len(night.history)}")
    moves = itertools.chain(search._onward(dials, memory), *search._looks(dials, memory))
    for move in moves:
        if key(move.point) not in memory.spent:
            return move.point
    while True:
        known = rng.choice(dials)
        here = known.rungs.index(night.point[known.name])
        there = min(max(here + rng.choice((-3, -2, -1, 1, 2, 3)), 0), len(known.rungs) - 1)
        point = {**night.point, known.name: known.rungs[there]}
        if key(point) not in memory.spent:
            return point


SEARCHERS = {
    "tune": propose_tune,
    "plain TPE": propose_plain,
    "random": propose_random,
    "hill-climb": propose_climb,
}


def nights_of(job: tuple[str, int, Sequence[str]]) -> list[list[float]]:
    """Scores of each searcher at each budget on one planted objective."""
    objective, seed, searchers = job
    planted = OBJECTIVES[objective](random.Random(f"{objective}{seed}"))
    return [_scores(planted, SEARCHERS[searcher], seed) for searcher in searchers]


def _scores(planted: Planted, propose: Callable[[Night, int], Point], seed: int) -> list[float]:
    night = Night(planted, random.Random(seed))
    start = sure(planted.loss(START))
    scores = []
    for number in range(1, max(BUDGETS) + 1):
        night.trial(propose(night, seed))
        if number in BUDGETS:
            scores.append(night.score(start))
    return scores


def main() -> None:
    """Print the table and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=list(SEARCHERS))
    arguments = parser.parse_args()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    jobs = [(o, n, arguments.only) for o in OBJECTIVES for n in seeds]
    with ProcessPoolExecutor() as pool:
        found = list(pool.map(nights_of, jobs))
    results = {
        (objective, searcher, n): scores
        for (objective, n, _), each in zip(jobs, found, strict=True)
        for searcher, scores in zip(arguments.only, each, strict=True)
    }
    print("share of the possible gain found, mean (standard error) after 12 / 30 / 60 trials")
    for objective in OBJECTIVES:
        for searcher in arguments.only:
            rows = [results[objective, searcher, n] for n in seeds]
            cells = [
                f"{statistics.mean(c):.2f} ({statistics.stdev(c) / len(c) ** 0.5:.2f})"
                for c in zip(*rows, strict=True)
            ]
            print(f"{objective:10} {searcher:11} {'   '.join(cells)}")
    print("ratio of mean gains over all objectives, tune / other")
    for searcher in arguments.only:
        cells = []
        for budget in range(len(BUDGETS)):
            ours, theirs = (
                statistics.mean(score[budget] for (_, who, _), score in results.items() if who == x)
                for x in ("tune", searcher)
            )
            cells.append(f"{ours / theirs:.2f}")
        print(f"{searcher:11} {'  '.join(cells)}")


if __name__ == "__main__":
    main()
