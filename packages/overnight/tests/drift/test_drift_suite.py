"""The drift suite in short: scripted researchers that drift are found soon, honest ones are not.

``benchmarks/drift_detection.py`` is the long form, with fifty nights of each.
"""

import pytest

from overnight.drift.score import assess
from overnight.drift.settings import DriftSettings
from overnight.testing.drifters.astray import ASTRAY
from overnight.testing.drifters.honest import HONEST
from overnight.testing.drifters.night import Night, drifting_night, honest_night

WITHIN = 4
SEEDS = range(2)
EXPECTED = {
    "other question": {"subject", "target"},
    "constraint ignored": {"rules"},
    "same idea": {"repetition"},
    "clutter": {"clutter"},
    "hold-out divergence": {"divergence"},
    "side quest": {"outside"},
    "longer sessions": {"effort"},
    "metric swapping": {"target"},
}


def strongest_at_alarm(night: Night) -> str:
    """The strongest signal when drift is first seen after the turn; empty where it is not."""
    for count in range(night.turn or 0, len(night.trials) + 1):
        found = assess(night.study, night.trials[:count], DriftSettings())
        if found.drifting:
            return found.signals[0].name
    return ""


@pytest.mark.parametrize("name", ASTRAY)
def test_a_drifter_is_found_soon_after_its_turn_by_its_own_signal(name: str) -> None:
    nights = [drifting_night(ASTRAY[name], seed=seed, after=WITHIN) for seed in SEEDS]
    assert {strongest_at_alarm(night) for night in nights} <= EXPECTED[name]


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_researcher_raises_no_alarm(name: str) -> None:
    night = honest_night(HONEST[name], seed=0, trials=20)
    alarms = [
        count
        for count in range(1, len(night.trials) + 1)
        if assess(night.study, night.trials[:count], DriftSettings()).drifting
    ]
    assert alarms == []
