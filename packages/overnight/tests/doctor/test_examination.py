"""Checks as values: their names, their choice, and what becomes of what is broken."""

from collections import Counter
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from overnight.doctor import (
    CHECKS,
    Check,
    Examination,
    Group,
    Patient,
    Result,
    Status,
    Wishes,
    select,
)
from overnight.doctor.check import Broken, ok
from overnight.errors import OvernightError


def test_every_check_has_a_name_of_its_own_and_says_what_it_proves() -> None:
    names = Counter(check.name for check in CHECKS)
    assert max(names.values()) == 1
    for check in CHECKS:
        assert check.name.startswith(f"{check.group}.")
        assert check.purpose.endswith(".")
    assert {check.group for check in CHECKS} == set(Group)


def test_groups_stay_together_in_their_order() -> None:
    groups = [check.group for check in CHECKS]
    assert list(dict.fromkeys(groups)) == sorted(set(groups), key=list(Group).index)
    changes = sum(a is not b for a, b in pairwise(groups))
    assert changes == len(set(groups)) - 1


def test_checks_are_chosen_by_name_and_by_group() -> None:
    names = [check.name for check in select(["gpu.computes", "notify"], quick=False)]
    assert names == ["gpu.computes", "notify.urls", "notify.delivery"]
    assert len(select([], quick=False)) == len(CHECKS)


def test_a_name_that_is_not_known_is_met_with_one_that_is() -> None:
    with pytest.raises(OvernightError, match=r"Did you mean 'gpu\.computes'"):
        select(["gpu.compute"], quick=False)


def test_quick_leaves_out_what_is_slow_unless_it_is_named() -> None:
    quick = select([], quick=True)
    assert "run.baseline" not in [check.name for check in quick]
    assert "run.deadline-kills" in [check.name for check in quick]
    assert [check.name for check in select(["run.baseline"], quick=True)] == ["run.baseline"]


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    return Patient(tmp_path / "overnight.toml", Wishes(), stack=ExitStack())


def check(name: str, error: Exception | None) -> Check:
    def examine(_patient: Patient) -> Result:
        """It holds."""
        if error is not None:
            raise error
        return ok("It holds.")

    return Check(name, Group.STUDY, examine)


def test_what_several_need_is_told_once(patient: Patient) -> None:
    error = OvernightError("The cause.", fix="The fix.")
    examination = Examination(patient)
    first, second, third = (
        examination.make(check(name, found)).result
        for name, found in (("a", error), ("b", error), ("c", None))
    )
    assert first == Result(Status.FAILED, "The cause.", "The fix.")
    assert (second.status, second.finding) == (Status.SKIPPED, "It needs what a found broken.")
    assert third.status is Status.OK


def test_a_system_error_is_a_finding_too(patient: Patient) -> None:
    error = OSError(28, "No space left on device", "/some/where")
    result = Examination(patient).make(check("a", error)).result
    assert (result.status, result.finding) == (
        Status.FAILED,
        "/some/where: No space left on device.",
    )


def test_last_words_of_a_program_come_along(patient: Patient) -> None:
    error = Broken("The cause.", fix="The fix.", details=["one", "two"])
    assert Examination(patient).make(check("a", error)).result.details == ("one", "two")


def test_a_study_file_that_is_not_there_is_told_once(patient: Patient) -> None:
    examination = Examination(patient)
    found = [examination.make(check).result for check in select(["study"], quick=False)]
    assert (found[0].status, found[0].fix) == (Status.FAILED, "Run `overnight init` there first.")
    assert {result.status for result in found[1:]} <= {Status.SKIPPED, Status.OK}
