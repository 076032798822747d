from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from overnight.testing.studies import TinyStudy, make_study


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVERNIGHT_WORK", str(tmp_path / "work"))


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., TinyStudy]:
    """A study that has checkpoints, with one run of each side unless a test asks for more."""

    def make(**tables: Any) -> TinyStudy:
        checkpoint = {
            "every_trials": 0,
            "at_end": True,
            "repeats": 1,
            **tables.pop("checkpoint", {}),
        }
        return make_study(tmp_path / "study", checkpoint=checkpoint, **tables)

    return make
