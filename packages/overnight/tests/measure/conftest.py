from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from overnight.ledger.records import RunRecord, TrialRecord
from overnight.researchers.scripted import Step
from overnight.testing.consistency import contradictions
from overnight.testing.studies import TRAIN, TinyStudy, make_study

PATIENT: Mapping[str, Any] = {
    "sandbox": {"kind": "bubblewrap"},
    "watch": {"unmeasured": 1000},
    "drift": {"watch": False},
}


@dataclass(frozen=True)
class Outcome:
    """What became of one candidate."""

    trial: TrialRecord
    run: RunRecord
    logs: Path

    def log(self, name: str = "output") -> str:
        return (self.logs / f"{name}.log").read_text(errors="replace")


@dataclass(frozen=True)
class Night:
    """A night in which candidates were measured one after the other."""

    study: TinyStudy
    outcomes: Mapping[str, Outcome]

    def __getitem__(self, name: str) -> Outcome:
        return self.outcomes[name]


class HoldNight(Protocol):
    """Measures candidates, each a ``train.sh`` or some files, in a bubblewrap sandbox."""

    def __call__(self, candidates: Mapping[str, str | Mapping[str, str]], **how: Any) -> Night: ...


@pytest.fixture(scope="module")
def hold_night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HoldNight]:
    with pytest.MonkeyPatch.context() as patch:

        def hold(candidates: Mapping[str, str | Mapping[str, str]], **how: Any) -> Night:
            place = tmp_path_factory.mktemp("night")
            patch.setenv("OVERNIGHT_WORK", str(place / "work"))
            study = make_study(place / "study", **{**PATIENT, **how})
            steps = [_step(name, candidate) for name, candidate in candidates.items()]
            study.run(steps)
            assert contradictions(study.load()) == []
            return Night(study, dict(_outcomes(study, ["baseline", *candidates])))

        yield hold


def _step(name: str, candidate: str | Mapping[str, str]) -> Step:
    return Step(name, edits={TRAIN: candidate} if isinstance(candidate, str) else candidate)


def _outcomes(study: TinyStudy, names: list[str]) -> Iterator[tuple[str, Outcome]]:
    for name, trial in zip(names, study.trials(), strict=False):
        runs = study.runs(trial.number)
        assert runs, f"{name} was not measured: {trial.reason}"
        yield name, Outcome(trial, runs[0], study.layout.trial(trial.number))
