"""Choose the next point: go on where it pays, look around once, then let Optuna's TPE draw.

Changing everything at once from random points is hopeless within the dozens of trials of a night,
so every move starts at the incumbent and changes one to three constants. ``benchmarks/
tune_quality.py`` compares this order of moves with others.
"""

import itertools
import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter

from overnight.researchers.tune.literals import Value
from overnight.researchers.tune.memory import Memory, Point, Tried, key
from overnight.researchers.tune.space import Dial

_SUBSET_SIZES = (1, 1, 2, 3)
_SUBSETS = 6
_DRAWS_PER_SUBSET = 4
_HARMFUL = 1.5  # a loss this many times the usual effect of a step points the other way


@dataclass(frozen=True, slots=True)
class Move:
    """A point to try.

    Attributes:
        kind: Which of the search's ways led here: onward, look, sampled or leftover.
        why: A sentence or two for the rationale.
    """

    point: Point
    kind: str
    why: str


def choose(dials: Sequence[Dial], memory: Memory, *, seed: int) -> Move | None:
    """The next point to try; None when every point has been tried.

    Args:
        dials: What may be turned; `memory.incumbent` has a value for each.
        seed: The same seed and memory give the same move.
    """
    rng = random.Random(f"{seed}/{len(memory.spent)}/{memory.trials}")
    moves = itertools.chain(
        _onward(dials, memory), _in_turn(dials, memory, rng), _leftovers(dials, memory, rng)
    )
    return next((move for move in moves if key(move.point) not in memory.spent), None)


def _in_turn(dials: Sequence[Dial], memory: Memory, rng: random.Random) -> Iterator[Move]:
    """All first looks; then second looks and draws by TPE in turn, until only draws are left."""
    first, second = _looks(dials, memory)
    yield from first
    if memory.trials % 2:
        yield from second
    yield from _sampled(dials, memory, rng)
    yield from second


def _onward(dials: Sequence[Dial], memory: Memory) -> Iterator[Move]:
    """Take the step that made the incumbent once more."""
    arrival = memory.arrival
    if arrival is None:
        return
    point = dict(memory.incumbent)
    for dial in dials:
        if dial.name in arrival.before and dial.ordered:
            here = dial.place(point[dial.name])
            step = here - dial.place(arrival.before[dial.name])
            point[dial.name] = dial.nearest(here + step)
    gain = "" if arrival.gain is None else f" by {arrival.gain:.4g}"
    why = f"Trial {arrival.number} improved the objective{gain} with this step; take it once more."
    yield Move(point, "onward", why)


def _looks(dials: Sequence[Dial], memory: Memory) -> tuple[list[Move], list[Move]]:
    """Single steps in untried directions: those to take at once, and those that can wait.

    A dial's first direction and the opposite of one that did much harm come first; the
    opposite of one that hardly mattered waits.
    """
    answers = {(name, way): gain for name, way, gain in _answers(dials, memory.evidence)}
    effects = [abs(gain) for gain in answers.values() if gain is not None]
    harmful = -_HARMFUL * statistics.median(effects) if effects else 0.0
    urgent: list[tuple[float, Move]] = []
    fresh: list[Move] = []
    waiting: list[tuple[float, Move]] = []
    for dial in sorted(dials, key=lambda dial: dial.rank):
        ways = _ways(dial, memory.incumbent[dial.name])
        known = [answers[dial.name, way] for way, _ in ways if (dial.name, way) in answers]
        gain = next((gain for gain in known if gain is not None), 0.0)
        for way, value in ways:
            if (dial.name, way) in answers or value is None:
                continue
            move = Move({**memory.incumbent, dial.name: value}, "look", _reason(known, gain))
            if not known:
                fresh.append(move)
            elif dial.ordered and gain < harmful:
                urgent.append((gain, move))
            else:
                waiting.append((gain, move))
            break
    return _worst_first(urgent) + fresh, _worst_first(waiting)


def _worst_first(moves: list[tuple[float, Move]]) -> list[Move]:
    return [move for _, move in sorted(moves, key=itemgetter(0))]


def _reason(known: Sequence[float | None], gain: float) -> str:
    if not known:
        return "No trial has changed this constant alone yet: one step shows what it is worth."
    if gain < 0:
        return f"The other way cost {-gain:.4g}, so this way may pay."
    return "The other way has been tried alone and was not kept; this one has not."


def _ways(dial: Dial, now: Value) -> list[tuple[Value, Value | None]]:
    """Each way to turn a dial and where one step leads; None where it is at its end."""
    if not dial.ordered:
        return [(value, value) for value in dial.rungs if value != now]
    return [(way, dial.stepped(now, direction=way, strides=1)) for way in (dial.first, -dial.first)]


def _answers(
    dials: Sequence[Dial], evidence: Sequence[Tried]
) -> Iterator[tuple[str, Value, float | None]]:
    """The ways along single dials that trials have answered for, each with its gain.

    A step that was kept answers for the opposite way too.
    """
    dial_of = {dial.name: dial for dial in dials}
    for tried in evidence:
        if len(tried.before) != 1 or not tried.before.keys() <= dial_of.keys():
            continue
        ((name, old),) = tried.before.items()
        dial, new = dial_of[name], tried.point[name]
        way: Value = new
        back: Value = old
        if dial.ordered:
            way = 1 if dial.place(new) > dial.place(old) else -1
            back = -way
        yield name, way, tried.gain
        if tried.kept:
            yield name, back, tried.gain


def _sampled(dials: Sequence[Dial], memory: Memory, rng: random.Random) -> Iterator[Move]:
    """Points that TPE draws for a few dials, the others as the incumbent has them."""
    from overnight.researchers.tune.sampler import draws  # noqa: PLC0415 - Optuna loads slowly

    why = (
        f"Optuna's TPE, told of {len(memory.evidence)} trials, finds this likelier among the best "
        "of them than among the rest; what is not named stays as the incumbent has it."
    )
    for attempt in range(_SUBSETS):
        size = rng.choice(_SUBSET_SIZES) + attempt // 2
        free = _pick(dials, size, rng)
        for values in draws(memory, free=free, seed=rng.randrange(2**32), count=_DRAWS_PER_SUBSET):
            yield Move({**memory.incumbent, **values}, "sampled", why)


def _pick(dials: Sequence[Dial], size: int, rng: random.Random) -> list[Dial]:
    """Some dials without replacement, those of low rank more often.

    Source: weighted sampling by random keys, Efraimidis and Spirakis 2006.
    """
    keyed = sorted(dials, key=lambda dial: rng.random() ** (2 + dial.rank), reverse=True)
    return keyed[:size]


def _leftovers(dials: Sequence[Dial], memory: Memory, rng: random.Random) -> Iterator[Move]:
    """Every point there is: an untried one comes after at most as many as have been tried."""
    why = "Every likelier point has been tried; this one has not."
    shuffled = [rng.sample(dial.rungs, len(dial.rungs)) for dial in dials]
    for values in itertools.product(*shuffled):
        changes = {dial.name: value for dial, value in zip(dials, values, strict=True)}
        yield Move({**memory.incumbent, **changes}, "leftover", why)
