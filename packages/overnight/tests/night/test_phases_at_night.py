"""Where the time of a night's trials went, as its ledger says."""

from collections.abc import Callable

from overnight.errors import RateLimited
from overnight.researchers.base import Assignment
from overnight.researchers.scripted import Scripted, Step
from overnight.testing.studies import TRAIN, TinyStudy, prints
from overnight.types import Draft

WAIT_S = 0.05


class Busy(Scripted):
    """Is told to wait before its first proposal."""

    def __init__(self) -> None:
        super().__init__([Step("better", edits={TRAIN: prints(0.9)})])
        self._is_busy = True

    def propose(self, assignment: Assignment) -> Draft:
        if self._is_busy:
            self._is_busy = False
            raise RateLimited("Too many requests.", retry_after_s=WAIT_S)
        return super().propose(assignment)


def test_waiting_for_a_rate_limit_is_idle_and_no_guard(make: Callable[[], TinyStudy]) -> None:
    study = make()
    study.run(Busy())
    baseline, trial = study.trials()[:2]
    assert baseline.phases.thinking_s == baseline.phases.idle_s == 0
    [run] = study.runs(1)
    assert run.duration_s is not None
    phases = trial.phases
    assert phases.idle_s is not None
    assert phases.idle_s >= WAIT_S
    assert phases.measuring_s is not None
    assert phases.measuring_s >= run.duration_s
