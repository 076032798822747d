from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from overnight.ledger import writing
from overnight.ledger.queries import LedgerReader
from overnight.testing.nights import NightWriter
from overnight.types import Verdict


@pytest.fixture
def advance(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the ledger's clock, which otherwise stands still."""
    now = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)

    def move(seconds: float) -> None:
        nonlocal now
        now += timedelta(seconds=seconds)

    monkeypatch.setattr(writing, "now", lambda: now.isoformat(timespec="milliseconds"))
    return move


@pytest.fixture
def night(tmp_path: Path, advance: Callable[[float], None]) -> Iterator[NightWriter]:
    writer = NightWriter(tmp_path / ".overnight" / "ledger.db", wait=advance)
    yield writer
    writer.ledger.close()


@pytest.fixture
def reader(night: NightWriter) -> LedgerReader:
    """A night with every kind of end."""
    night.baseline(1.0, peak_vram_mb=40_000)
    night.trial("a wider model", Verdict.KEEP, value=0.9, metrics={"peak_vram_mb": 45_000})
    night.trial("a deeper model", Verdict.DISCARD, value=0.95)
    night.trial("everything in float64", Verdict.VIOLATION, value=0.85)
    night.trial("no normalisation", Verdict.CRASH, reason="It ended with exit code 1.")
    night.trial("a wider model", Verdict.DUPLICATE)
    night.trial("print a good number", Verdict.TAMPERED, value=0.0)
    night.trial("cut off", Verdict.INTERRUPTED)
    night.trial("cosine decay", Verdict.KEEP, value=0.8)
    night.propose("under way")
    return night.ledger
