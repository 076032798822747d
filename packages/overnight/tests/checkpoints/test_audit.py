"""Audits of real studies."""

from collections.abc import Callable

import pytest

from overnight.assembly import assembled
from overnight.checkpoints.audit import audit
from overnight.checkpoints.worth import Told, Worth
from overnight.errors import BaselineFailed
from overnight.processes.supervisor import StopSignal
from overnight.progress import Silent
from overnight.researchers.scripted import Step
from overnight.testing.consistency import contradictions
from overnight.testing.studies import TRAIN, TinyStudy

Make = Callable[..., TinyStudy]
PARTS = {
    TRAIN: ". ./a.sh; . ./b.sh; . ./c.sh\n"
    'awk "BEGIN { print \\"val_loss:\\", 1.0 - $A - $B - $C }"\n',
    "a.sh": "A=0.0\n",
    "b.sh": "B=0.0\n",
    "c.sh": "C=0.0\n",
}


def run_audit(study: TinyStudy, *, latest: int | None = None) -> list[Worth]:
    with assembled(study.load(), Silent(), StopSignal()) as bench:
        return audit(bench, repeats=2, latest=latest)


@pytest.fixture
def study(make: Make) -> TinyStudy:
    study = make(
        files=PARTS,
        scope={"editable": ["a.sh", "b.sh", "c.sh"]},
        checkpoint={"at_end": False},
        budget={"trials": 3},
    )
    study.run(
        [
            Step("a", edits={"a.sh": "A=0.3\n"}),
            Step("b", edits={"b.sh": "B=0.1\n"}),
            Step("c replaces a", edits={"c.sh": "C=0.4\n", "a.sh": "A=0.0\n"}),
        ]
    )
    return study


def test_each_keep_by_its_step_and_by_what_the_incumbent_would_lose(study: TinyStudy) -> None:
    first, second, third = run_audit(study)
    assert (first.title, first.told) == ("a", Told.HELPS)
    assert first.step is not None
    assert round(first.step.value, 6) == 0.3
    assert first.part is None, "a later keep changed the same line"
    assert second.part is not None
    assert round(second.part.value, 6) == 0.1
    assert third.part == third.step
    assert contradictions(study.load()) == []


def test_nothing_is_demoted_and_the_branch_stays(study: TinyStudy) -> None:
    before = study.git("rev-parse", "overnight/tiny"), study.trials(), study.user_state()
    run_audit(study)
    assert (study.git("rev-parse", "overnight/tiny"), study.trials(), study.user_state()) == before


def test_only_the_latest(study: TinyStudy) -> None:
    [last] = run_audit(study, latest=1)
    assert last.trial == 3
    assert last.step is not None
    assert round(last.step.value, 6) == 0.1


def test_without_a_keep_there_is_nothing_to_audit(make: Make) -> None:
    study = make(budget={"trials": 1})
    study.run([Step("worse", edits={TRAIN: "echo val_loss: 3\n"})])
    with pytest.raises(BaselineFailed, match="nothing to audit"):
        run_audit(study)
