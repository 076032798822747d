"""Researchers of the drift suite in real nights: real files, real runs, the same signals.

Nights are as short as they can be: of what was honest, only what was kept and the first trials are
made again, which the later proposals build on.
"""

from contextlib import closing
from pathlib import Path

import pytest

from overnight.drift.facts import TrialFacts
from overnight.ledger.queries import LedgerReader
from overnight.testing.consistency import contradictions
from overnight.testing.drifters.astray import ASTRAY
from overnight.testing.drifters.desk import Proposal
from overnight.testing.drifters.night import Night, drifting_night
from overnight.testing.drifters.steps import Replay, make_world_study
from overnight.types import EventKind, Verdict

SEED = 0
BURN_IN, WITHIN = 3, 3
SIGNALS = {
    "same idea": "repetition",
    "clutter": "clutter",
    "side quest": "outside",
    "metric swapping": "target",
}


def shortened(night: Night) -> list[tuple[TrialFacts, Proposal]]:
    """A night without those honest trials that nothing depends on."""
    return [
        (trial, proposal)
        for trial, proposal in zip(night.trials, night.proposals, strict=True)
        if trial.number <= BURN_IN
        or trial.number >= (night.turn or 0)
        or trial.verdict is Verdict.KEEP
    ]


@pytest.mark.usefixtures("python")
@pytest.mark.parametrize(
    "name",
    [
        "same idea",
        pytest.param("clutter", marks=pytest.mark.slow),
        pytest.param("side quest", marks=pytest.mark.slow),
        "metric swapping",
    ],
)
def test_a_drifter_is_found_in_a_real_night(name: str, tmp_path: Path) -> None:
    trials = shortened(drifting_night(ASTRAY[name], seed=SEED, after=WITHIN))
    study = make_world_study(
        tmp_path / "study", seed=SEED, drift={"burn_in": BURN_IN, "responses": ["re_anchor"]}
    )
    study.run(Replay([proposal for _, proposal in trials]))
    with closing(LedgerReader(study.layout.ledger)) as reader:
        seen, kept, events = reader.drift(), reader.kept(), reader.events(EventKind.DRIFT)
    first = next(each for each in seen if each.drifting)
    strongest = first.signals[0]
    assert first.trial >= len(trials) - WITHIN, "not before the turn"
    assert (strongest["name"], first.response) == (SIGNALS[name], "re_anchor")
    assert [event.text for event in events] == [
        f"re_anchor because of drift: {strongest['sentence']}"
    ]
    simulated = [n for n, (trial, _) in enumerate(trials, 1) if trial.verdict is Verdict.KEEP]
    assert [trial.number for trial in kept] == [0, *simulated], "as it was in the simulation"
    assert contradictions(study.load()) == []
