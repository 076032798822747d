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
    def make(**tables: Any) -> TinyStudy:
        return make_study(tmp_path / "study", **tables)

    return make
