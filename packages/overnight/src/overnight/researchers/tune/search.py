"""Choose the next point: step where it pays, look around once, then let Optuna's TPE draw."""

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from overnight.researchers.tune.literals import Value
from overnight.researchers.tune.memory import Memory, Point, Tried, key
from overnight.researchers.tune.sampler import draws
from overnight.researchers.tune.space import Dial

import os
W = int(os.environ.get('W', 6)); E = int(os.environ.get('E',3)); ACC=float(os.environ.get('ACC',1)); TR=float(os.environ.get('TR',0)); SW=int(os.environ.get('SW',0)); SUB=tuple(map(int,os.environ.get('SUB','1,2,2,3').split(','))); DEFER=1; LT=int(os.environ.get('LT',1))
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
    seen = len(memory.evidence)
    yield from _looks(dials, memory)
    if seen % E < LT:
        yield from _looks(dials, memory, "late")
    yield from _sampled(dials, memory, rng)
    yield from _looks(dials, memory, "late")


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
            further = dial.nearest(dial.place(now) + ACC * travelled)
            if dial.place(further) == dial.place(now):
                continue
            point[dial.name] = further
    yield Move(point, "onward", f"Trial {arrival.number} gained by this step; take it again.")


def _looks(dials: Sequence[Dial], memory: Memory, part=None) -> Iterator[Move]:
    """One step each way along every dial that has not been looked at, promising ones first."""
    looked = {}
    for name, label, gain in _looked(dials, memory.evidence):
        looked[name, label] = gain
    import statistics
    R = float(os.environ.get('REV', 1.5))
    gs = [abs(g) for g in looked.values() if g is not None]
    typ = statistics.median(gs) if gs else 0.0
    R = R * typ * 0.999
    late, now_, soon = [], [], []
    for dial in sorted(dials, key=lambda dial: dial.rank):
        now = memory.incumbent[dial.name]
        nb = _neighbours(dial, now)
        for label, value in nb:
            if (dial.name, label) not in looked and value is not None:
                why = f"{dial.name} has not been tried in this direction."
                other = [looked[dial.name, l] for l, _ in nb if (dial.name, l) in looked]
                move = Move({**memory.incumbent, dial.name: value}, "look", why)
                if not other or not DEFER:
                    soon.append(move)
                elif dial.ordered and other[0] is not None and other[0] < -R:
                    now_.append((other[0], move))
                else:
                    late.append((other[0] if other[0] is not None else 0.0, move))
                if DEFER and dial.ordered: break
    now_.sort(key=lambda p: p[0])
    late.sort(key=lambda p: p[0])
    if part == "late":
        yield from [m for _, m in late]
    else:
        yield from [m for _, m in now_] + soon


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
            yield name, new, tried.gain
            yield name, old, tried.gain
            continue
        way = 1 if dial.place(new) > dial.place(old) else -1
        yield name, way, tried.gain
        if tried.kept:
            yield name, -way, tried.gain


def _sampled(dials: Sequence[Dial], memory: Memory, rng: random.Random) -> Iterator[Move]:
    """Points drawn by TPE for a few dials, the others as the incumbent has them."""
    weights = _weights(dials, memory)
    for attempt in range(6):
        size = min(len(dials), rng.choice(SUB) + attempt // 2)
        free = _pick(dials, weights, size, rng)
        for values in draws(memory, dials=dials, free=free, seed=rng.randrange(2**32), count=4):
            why = "TPE"
            yield Move({**memory.incumbent, **values}, "sampled", why)


def _weights(dials: Sequence[Dial], memory: Memory) -> Mapping[str, float]:
    w = {dial.name: 1 / (2 + dial.rank) for dial in dials}
    if SW:
        g = {dial.name: [] for dial in dials}
        for t in memory.evidence:
            if t.gain is not None:
                for n in t.before:
                    if n in g: g[n].append(abs(t.gain) / len(t.before))
        m = {n: (sum(v)/len(v)) for n, v in g.items() if v}
        if m:
            top = max(m.values())
            for n in w:
                w[n] = 0.1 + (m[n]/top)**0.5 if n in m else 0.5
    return w


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
