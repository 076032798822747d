"""Optuna's TPE as a function: what was measured in, values for a few dials out."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from overnight.researchers.tune.literals import Value
from overnight.researchers.tune.memory import Memory, Point
from overnight.researchers.tune.space import Dial

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

import os
TR=float(os.environ.get('TR',0)); NEI=int(os.environ.get('NEI',24)); MV=bool(int(os.environ.get('MV',1)))
_BEST = 50
_LATEST = 250


def draws(
    memory: Memory, *, dials=(), free: Sequence[Dial], seed: int, count: int
) -> Iterator[Mapping[str, Value]]:
    """Values that TPE proposes for some dials while the others stay as the incumbent has them.

    A draw that was not used stays open in the study, so that TPE looks elsewhere for the next
    one ("constant liar").
    """
    import optuna

    with _quiet():
        sampler = optuna.samplers.TPESampler(seed=seed, multivariate=MV, n_ei_candidates=NEI, n_startup_trials=2)
        study = optuna.create_study(sampler=sampler)
    distributions = {dial.name: _distribution(dial, memory) for dial in free}
    for point, loss in _told(memory):
        study.add_trial(_frozen(free, distributions, point, loss))
    for _ in range(count):
        drawn = study.ask(distributions).params
        yield {dial.name: _value(dial, drawn[dial.name]) for dial in free}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna from announcing each study on stderr: a fresh one is made per draw."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _told(memory: Memory) -> list[tuple[Point, float | None]]:
    """The incumbent, the best and the latest: enough to believe in, few enough to stay quick."""
    latest = list(memory.evidence)[-_LATEST:]
    earlier = [tried for tried in memory.evidence[:-_LATEST] if tried.loss is not None]
    best = sorted(earlier, key=lambda tried: tried.loss or 0.0)[:_BEST]
    told = [(tried.point, tried.loss) for tried in (*best, *latest)]
    if memory.incumbent_loss is not None:
        told.append((memory.incumbent, memory.incumbent_loss))
    return told


def _distribution(dial: Dial, memory) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if not dial.ordered:
        return CategoricalDistribution(dial.rungs)
    lo, hi = dial.place(dial.rungs[0]), dial.place(dial.rungs[-1])
    if TR:
        h = dial.place(memory.incumbent[dial.name])
        lo, hi = max(lo, h - TR*dial.stride), min(hi, h+TR*dial.stride)
    return FloatDistribution(lo, hi)


def _frozen(
    free: Sequence[Dial],
    distributions: Mapping[str, "BaseDistribution"],
    point: Point,
    loss: float | None,
) -> "FrozenTrial":
    """A past trial as Optuna keeps it; TPE ranks a pruned one below everything measured."""
    from optuna.trial import TrialState, create_trial

    return create_trial(
        state=TrialState.PRUNED if loss is None else TrialState.COMPLETE,
        value=loss,
        params={dial.name: _inside(dial, point[dial.name], distributions[dial.name]) for dial in free},
        distributions=dict(distributions),
    )


def _inside(dial: Dial, value: Value, di) -> Any:
    """A value in the dial's distribution; one outside counts as the end next to it."""
    if not dial.ordered:
        return value if value in dial.rungs else dial.rungs[0]
    low, high = di.low, di.high
    return min(max(dial.place(value), low), high)


def _value(dial: Dial, drawn: Any) -> Value:
    value: Value = dial.nearest(drawn) if dial.ordered else drawn
    return value
