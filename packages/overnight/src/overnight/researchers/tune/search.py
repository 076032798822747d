"""Choose the next point: step where it pays, look around once, then let Optuna's TPE draw."""

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from overnight.researchers.tune.literals import Value
from overnight.researchers.tune.memory import Memory, Point, Tried, key
from overnight.researchers.tune.sampler import draws
from overnight.researchers.tune.space import Dial

_WARMUP = 6
_SAMPLED_EVERY = 3
_SUBSET_SIZES = (1, 2, 2, 3)


@dataclass(frozen=True, slots=True)
class Move:
    """A point to try.

    Attributes:
        kind: Which of the search's ways led here.
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
    rng = random.Random(f"{seed}/{len(memory.spent)}/{len(memory.evidence)}")
    for move in itertools.chain(
        _onward(dials, memory), _in_turn(dials, memory, rng), _leftovers(dials, memory, rng)
    ):
        if key(move.point) not in memory.spent:
            return move
    return None


def _in_turn(dials: Sequence[Dial], memory: Memory, rng: random.Random) -> Iterator[Move]:
    """First looks and draws by TPE in turn, once there is something for TPE to believe."""
    looks = _looks(dials, memory)
    seen = len(memory.evidence)
    first = None
    if seen >= _WARMUP and seen % _SAMPLED_EVERY:
        pass
    else:
        yield from looks
    yield from _sampled(dials, memory, rng)
    yield from looks


def _onward(dials: Sequence[Dial], memory: Memory) -> Iterator[Move]:
    """Go on in the direction that the incumbent came from."""
    arrival = memory.arrival
    if arrival is None or not arrival.before:
        return
    point = dict(memory.incumbent)
    for dial in dials:
        if dial.name in arrival.before and dial.ordered:
            now = point[dial.name]
            travelled = dial.place(now) - dial.place(arrival.before[dial.name])
            further = dial.nearest(dial.place(now) + travelled)
            if dial.place(further) == dial.place(now):
                continue
            point[dial.name] = further
    yield Move(point, "onward", f"Trial {arrival.number} gained by this step; take it again.")


def _looks(dials: Sequence[Dial], memory: Memory) -> Iterator[Move]:
    """One step each way along every dial that has not been looked at, promising ones first."""
    looked = set(_looked(dials, memory.evidence))
    for dial in sorted(dials, key=lambda dial: dial.rank):
        now = memory.incumbent[dial.name]
        for label, value in _neighbours(dial, now):
            if (dial.name, label) not in looked and value is not None:
                why = f"{dial.name} has not been tried in this direction."
                yield Move({**memory.incumbent, dial.name: value}, "look", why)


def _neighbours(dial: Dial, now: Value) -> list[tuple[Value, Value | None]]:
    if not dial.ordered:
        return [(value, value) for value in dial.rungs if value != now]
    return [(way, dial.stepped(now, direction=way, strides=1)) for way in (dial.first, -dial.first)]


def _looked(dials: Sequence[Dial], evidence: Sequence[Tried]) -> Iterator[tuple[str, Value]]:
    """The directions along single dials that trials have answered for.

    A step that was kept answers for the opposite direction too.
    """
    known = {dial.name: dial for dial in dials}
    for tried in evidence:
        if len(tried.before) != 1:
            continue
        ((name, old),) = tried.before.items()
        if name not in known:
            continue
        dial, new = known[name], tried.point[name]
        if not dial.ordered:
            yield name, new
            yield name, old
            continue
        way = 1 if dial.place(new) > dial.place(old) else -1
        yield name, way
        if tried.kept:
            yield name, -way


def _sampled(dials: Sequence[Dial], memory: Memory, rng: random.Random) -> Iterator[Move]:
    """Points drawn by TPE for a few dials, the others as the incumbent has them."""
    weights = _weights(dials, memory)
    for attempt in range(6):
        size = min(len(dials), rng.choice(_SUBSET_SIZES) + attempt // 2)
        free = _pick(dials, weights, size, rng)
        for values in draws(memory, free=free, seed=rng.randrange(2**32), count=4):
            why = "TPE"
            yield Move({**memory.incumbent, **values}, "sampled", why)


def _weights(dials: Sequence[Dial], memory: Memory) -> Mapping[str, float]:
    return {dial.name: 1 / (2 + dial.rank) for dial in dials}


def _pick(
    dials: Sequence[Dial], weights: Mapping[str, float], size: int, rng: random.Random
) -> list[Dial]:
    """Some dials without replacement, heavier ones more often (Efraimidis and Spirakis)."""
    order = sorted(dials, key=lambda dial: rng.random() ** (1 / weights[dial.name]), reverse=True)
    return order[:size]


def _leftovers(dials: Sequence[Dial], memory: Memory, rng: random.Random) -> Iterator[Move]:
    """Every point there is: the first untried one comes after at most as many as were tried."""
    names = [dial.name for dial in dials]
    shuffled = [rng.sample(dial.rungs, len(dial.rungs)) for dial in dials]
    for values in itertools.product(*shuffled):
        yield Move(dict(zip(names, values, strict=True)), "leftover", "Hardly anything is left.")
