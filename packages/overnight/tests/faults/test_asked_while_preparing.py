"""A stop that is asked for between two trials ends the night before another call of an agent."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from overnight.briefing import Briefing
from overnight.ledger.records import TrialRecord
from overnight.researchers.scripted import Step
from overnight.testing.studies import TRAIN, Listener, TinyStudy, prints

SAID = ["Ending before the next proposal."]


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


class InterruptsAfterBaseline(Listener):
    def verdict(self, trial: TrialRecord) -> None:
        if trial.is_baseline:
            interrupt()


def never_called(_clone: Path) -> None:
    pytest.fail("the researcher was called after the night was asked to end")


STEPS = [Step("better", edits={TRAIN: prints(0.9)}, action=never_called)]


def test_between_trials(study: TinyStudy, consistent: Callable[[TinyStudy], None]) -> None:
    watcher = InterruptsAfterBaseline()
    assert not study.run(STEPS, watcher=watcher).finished
    assert watcher.said == SAID
    assert len(study.trials()) == 1
    consistent(study)


def test_while_a_trial_is_prepared(
    study: TinyStudy,
    consistent: Callable[[TinyStudy], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write = Briefing.write

    def interrupted(briefing: Briefing, trial: TrialRecord) -> str:
        interrupt()
        return write(briefing, trial)

    monkeypatch.setattr(Briefing, "write", interrupted)
    watcher = Listener()
    assert not study.run(STEPS, watcher=watcher).finished
    assert watcher.said == SAID
    consistent(study)
