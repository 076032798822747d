from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from overnight.config import STUDY_FILE
from overnight.doctor import Examination, Result, Wishes, admitted, select
from overnight.testing.studies import TinyStudy, make_study

Make = Callable[..., TinyStudy]
Examine = Callable[..., Result]
ExamineAll = Callable[..., dict[str, Result]]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own, which has nothing in it."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("SSH_CONNECTION", "SSH_TTY", "TMUX", "STY", "XDG_CACHE_HOME", "SSH_AUTH_SOCK"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the doctor works; nothing may be left there but locks of devices."""
    work = tmp_path / "work"
    monkeypatch.setenv("OVERNIGHT_WORK", str(work))
    yield work
    left = [path.name for path in work.iterdir()] if work.is_dir() else []
    assert [name for name in left if name.startswith("doctor")] == []


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a study without a sandbox, unless it is told otherwise."""

    def make(files: Mapping[str, str] | None = None, **tables: Any) -> TinyStudy:
        return make_study(tmp_path / "study", files=files, **tables)

    return make


@pytest.fixture
def examine_all() -> ExamineAll:
    """Makes some checks on one patient."""

    def examine_all(study: TinyStudy, *names: str, **wishes: Any) -> dict[str, Result]:
        with admitted(study.root / STUDY_FILE, Wishes(**wishes)) as patient:
            examination = Examination(patient)
            made = [examination.make(check) for check in select(names, quick=False)]
        for diagnosis in made:
            result = diagnosis.result
            assert result.finding.endswith((".", "!", "?", "…")), result.finding
            assert result.fix or result.status in ("ok", "skipped"), result
        return {diagnosis.check.name: diagnosis.result for diagnosis in made}

    return examine_all


@pytest.fixture
def examine(examine_all: ExamineAll) -> Examine:
    """Makes one check."""

    def examine(study: TinyStudy, name: str, **wishes: Any) -> Result:
        return examine_all(study, name, **wishes)[name]

    return examine
