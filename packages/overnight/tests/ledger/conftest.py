from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from overnight.ledger.store import Ledger, create_ledger
from overnight.types import (
    DiffStat,
    Draft,
    Goal,
    Judgement,
    Objective,
    Outcome,
    Run,
    State,
    Verdict,
)

BASELINE = "0" * 40
Finish = Callable[..., int]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / ".overnight" / "ledger.db"
    objective = Objective("val_loss", Goal.MINIMIZE)
    create_ledger(path, name="tiny", objective=objective, baseline_commit=BASELINE)
    return path


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with closing(Ledger(path)) as ledger:
        ledger.begin_session()
        yield ledger


@pytest.fixture
def finish(ledger: Ledger) -> Finish:
    """Takes a new trial to a verdict, with a proposal and a run of its own; returns its number."""

    def finish(
        verdict: Verdict = Verdict.DISCARD,
        *,
        value: float | None = 1.0,
        title: str = "an idea",
        reason: str = "It ended so.",
        metrics: dict[str, float] | None = None,
    ) -> int:
        number = ledger.open_trial(
            night=1, parent_commit=BASELINE, researcher="scripted", model=None
        ).number
        ledger.record_proposal(number, Draft(title), commit=f"{number:040x}", tree=f"tree-{number}")
        run = ledger.begin_run(number, from_state=State.PROPOSING)
        reported = metrics if metrics is not None else {} if value is None else {"val_loss": value}
        ledger.end_run(run, Run(Outcome.MEASURED, reported, "", exit_code=0, duration_s=0.1))
        judgement = Judgement(verdict, reason)
        if verdict is Verdict.KEEP and value is not None:
            ledger.intend_keep(number, judgement, value=value, size=DiffStat(1, 2))
            ledger.finish_keep(number)
        else:
            ledger.close_trial(number, judgement, value=value, size=DiffStat(1, 2))
        return number

    return finish
