"""Optuna's TPE as a function: what was measured in, values for a few dials out."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from overnight.researchers.tune.literals import Value
from overnight.researchers.tune.memory import Memory, Point
from overnight.researchers.tune.space import Dial

_BEST = 30
_LATEST = 120


def draws(
    memory: Memory, *, free: Sequence[Dial], seed: int, count: int
) -> Iterator[Mapping[str, Value]]:
    """Values that TPE proposes for some dials while the others stay as the incumbent has them.

    The study is built anew from the evidence, so a restart misses nothing. A draw that was not
    used stays open in it, so that TPE looks elsewhere for the next one ("constant liar").
    """
    with _quiet():
        sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, n_startup_trials=2)
        study = optuna.create_study(sampler=sampler)
    distributions = {dial.name: _distribution(dial) for dial in free}
    for point, loss in _told(memory):
        study.add_trial(_frozen(free, distributions, point=point, loss=loss))
    for _ in range(count):
        drawn = study.ask(distributions).params
        yield {dial.name: _value(dial, drawn[dial.name]) for dial in free}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna from announcing each study on stderr: a fresh one is made for every draw."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _told(memory: Memory) -> list[tuple[Point, float | None]]:
    """The incumbent, the best and the latest: enough to believe in, few enough to stay quick."""
    earlier = [tried for tried in memory.evidence[:-_LATEST] if tried.loss is not None]
    best = sorted(earlier, key=lambda tried: tried.loss or 0.0)[:_BEST]
    told = [(tried.point, tried.loss) for tried in (*best, *memory.evidence[-_LATEST:])]
    if memory.incumbent_loss is not None:
        told.append((memory.incumbent, memory.incumbent_loss))
    return told


def _distribution(dial: Dial) -> BaseDistribution:
    if not dial.ordered:
        return CategoricalDistribution(dial.rungs)
    return FloatDistribution(*_ends(dial))


def _ends(dial: Dial) -> tuple[float, float]:
    return dial.place(dial.rungs[0]), dial.place(dial.rungs[-1])


def _frozen(
    free: Sequence[Dial],
    distributions: Mapping[str, BaseDistribution],
    *,
    point: Point,
    loss: float | None,
) -> FrozenTrial:
    """A past trial as Optuna keeps it; TPE ranks a pruned one below everything measured."""
    return create_trial(
        state=TrialState.PRUNED if loss is None else TrialState.COMPLETE,
        value=loss,
        params={dial.name: _param(dial, point[dial.name]) for dial in free},
        distributions=dict(distributions),
    )


def _param(dial: Dial, value: Value) -> Value:
    """A value as a parameter; one outside the range of today counts as the end next to it."""
    if not dial.ordered:
        return value if value in dial.rungs else dial.rungs[0]
    low, high = _ends(dial)
    return min(max(dial.place(value), low), high)


def _value(dial: Dial, param: Any) -> Value:
    """The value that a parameter stands for."""
    value: Value = dial.nearest(param) if dial.ordered else param
    return value
