from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from overnight.ledger.records import RunRecord, TrialRecord
from overnight.researchers.scripted import Step
from overnight.testing.consistency import contradictions
from overnight.testing.studies import TRAIN, TinyStudy, make_study
from overnight.types import Verdict

PATIENT: Mapping[str, Any] = {
    "sandbox": {"kind": "bubblewrap"},
    "watch": {"unmeasured": 1000},
    "drift": {"watch": False},
}


@dataclass(frozen=True)
class Measured:
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
    outcomes: Mapping[str, Measured]

    def __getitem__(self, name: str) -> Measured:
        return self.outcomes[name]

    def values(self, names: Iterable[str]) -> dict[str, float | None]:
        return {name: self[name].trial.value for name in names}

    def verdicts(self, names: Iterable[str]) -> dict[str, tuple[Verdict | None, str]]:
        return {name: (self[name].trial.verdict, self[name].trial.reason) for name in names}


class HoldNight(Protocol):
    """Measures candidates, each a ``train.sh`` or some files, in a bubblewrap sandbox."""

    def __call__(self, candidates: Mapping[str, str | Mapping[str, str]], **how: Any) -> Night: ...


@pytest.fixture
def hold_night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HoldNight:
    def hold(candidates: Mapping[str, str | Mapping[str, str]], **how: Any) -> Night:
        monkeypatch.setenv("OVERNIGHT_WORK", str(tmp_path / "work"))
        study = make_study(tmp_path / "study", **{**PATIENT, **how})
        study.run([_step(name, candidate) for name, candidate in candidates.items()])
        assert contradictions(study.load()) == []
        return Night(study, dict(_outcomes(study, ["baseline", *candidates])))

    return hold


def _step(name: str, candidate: str | Mapping[str, str]) -> Step:
    return Step(name, edits={TRAIN: candidate} if isinstance(candidate, str) else candidate)


def _outcomes(study: TinyStudy, names: list[str]) -> Iterator[tuple[str, Measured]]:
    for name, trial in zip(names, study.trials(), strict=False):
        runs = study.runs(trial.number)
        assert runs, f"{name} was not measured: {trial.reason}"
        yield name, Measured(trial, runs[0], study.layout.trial(trial.number))
