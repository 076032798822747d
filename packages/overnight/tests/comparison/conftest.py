from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from overnight.arms import named
from overnight.comparison import ComparisonEnd, run_comparison
from overnight.config import ArmTable, BudgetTable, CompareTable
from overnight.progress import Silent, Watcher
from overnight.testing.studies import TRAIN, TinyStudy, make_study, prints

Compare: TypeAlias = Callable[..., ComparisonEnd]


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVERNIGHT_WORK", str(tmp_path / "work"))


@pytest.fixture
def study(tmp_path: Path) -> TinyStudy:
    return make_study(tmp_path / "study")


def scripted(name: str, values: Sequence[float]) -> ArmTable:
    """An arm whose proposals measure these values."""
    steps = [{"title": f"{name} {value}", "write": {TRAIN: prints(value)}} for value in values]
    return ArmTable(kind="scripted", name=name, options={"steps": steps})


@pytest.fixture
def compare(study: TinyStudy) -> Compare:
    """Runs arms of `study` against each other; without arms goes on with what is unfinished."""

    def compare(
        *arms: ArmTable, watcher: Watcher | None = None, trials: int = 3, **how: Any
    ) -> ComparisonEnd:
        told: dict[str, Any] = {"runs": 2, **how, "arms": tuple(named(arms)) if arms else ()}
        table = CompareTable.model_validate(told)
        return run_comparison(study.load(), table, BudgetTable(trials=trials), watcher or Silent())

    return compare
