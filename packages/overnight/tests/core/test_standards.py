"""What a trial measures on one device, by its runs there."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from overnight.ledger.records import RunRecord
from overnight.standards import value_of_runs
from overnight.types import Outcome, Purpose

RUN = RunRecord(
    id=1,
    trial=3,
    ordinal=1,
    started_at=datetime(2026, 3, 1, tzinfo=UTC),
    outcome=Outcome.MEASURED,
    reason="",
    exit_code=0,
    duration_s=1.0,
    output_bytes=0,
    metrics={"loss": 1.0},
    device="cpu:1",
)


def run(
    value: float, purpose: Purpose = Purpose.TRIAL, *, checkpoint: int | None = None
) -> RunRecord:
    return replace(RUN, metrics={"loss": value}, purpose=purpose, checkpoint=checkpoint)


CHECKPOINTS = [run(value, Purpose.CHECKPOINT, checkpoint=number) for number, value in
               ((1, 9.0), (2, 3.0), (2, 5.0))]  # fmt: skip


def test_the_run_that_it_was_judged_by_counts() -> None:
    assert value_of_runs([run(1.0)], "loss", seeded=False) == 1.0


def test_where_it_was_judged_elsewhere_the_run_made_here_counts() -> None:
    assert value_of_runs([run(2.0, Purpose.DEVICE)], "loss", seeded=False) == 2.0


@pytest.mark.parametrize(("seeded", "value"), [(False, 4.0), (True, 1.0)])
def test_the_last_checkpoint_goes_before_it_unless_it_sets_other_seeds(
    seeded: bool, value: float
) -> None:
    assert value_of_runs([run(1.0), *CHECKPOINTS], "loss", seeded=seeded) == value


@pytest.mark.parametrize(
    "useless",
    [
        [],
        [replace(RUN, outcome=None)],
        [replace(RUN, outcome=Outcome.CRASH)],
        [replace(RUN, metrics={"other": 1.0})],
        [run(1.0, Purpose.COMPARISON)],
        [run(1.0, Purpose.HOLDOUT)],
    ],
)
def test_what_says_nothing_is_not_known(useless: list[RunRecord]) -> None:
    assert value_of_runs(useless, "loss", seeded=False) is None
