import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from overnight.testing.consistency import contradictions
from overnight.testing.studies import TinyStudy, make_study

WORK = "OVERNIGHT_WORK"
PATIENCE_S = 30.0


def _is_from(process: psutil.Process, work: Path) -> bool:
    try:
        return process.pid != os.getpid() and process.environ().get(WORK) == str(work)
    except psutil.Error:
        return False  # it ended meanwhile, or is another user's


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where clones and checkouts are; no process that was told so may outlive the test."""
    work = tmp_path / "work"
    monkeypatch.setenv(WORK, str(work))
    yield work
    started = [process for process in psutil.process_iter() if _is_from(process, work)]
    _, left = psutil.wait_procs(started, timeout=PATIENCE_S)  # a helper may be about to notice
    for process in left:
        process.kill()
    assert left == []


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., TinyStudy]:
    def make(**how: Any) -> TinyStudy:
        return make_study(tmp_path / "study", **how)

    return make


@pytest.fixture
def study(make: Callable[..., TinyStudy]) -> TinyStudy:
    return make()


@pytest.fixture
def consistent() -> Callable[[TinyStudy], None]:
    """Asserts that ledger, branch, table and machine agree."""

    def check(study: TinyStudy) -> None:
        assert contradictions(study.load()) == []

    return check


@pytest.fixture
def run_command() -> tuple[str, ...]:
    """`overnight run` as a command, without the picture at its end, which is slow to draw."""
    lines = (
        "import overnight.cli.run",
        "from overnight.cli.main import main",
        "overnight.cli.run._draw = lambda *_: None",
        "main()",
    )
    return (sys.executable, "-c", "\n".join(lines), "run", "--plain")
