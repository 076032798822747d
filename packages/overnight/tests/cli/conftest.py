from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from overnight.cli.diff import diff
from overnight.cli.export import export
from overnight.cli.log import log
from overnight.cli.plot import plot
from overnight.cli.show import show
from overnight.cli.status import status
from overnight.testing.nights import NightWriter
from overnight.types import Verdict

POISON = "\x1b[2J\x1b]0;gotcha\x07[bold red]loud[/] :boom: \u202etxet"
Call = Callable[..., Result]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A study's directory with a recorded night."""
    night = NightWriter(tmp_path / ".overnight" / "ledger.db")
    night.baseline(1.0, peak_vram_mb=40_000)
    night.trial("a wider model", Verdict.KEEP, value=0.9, metrics={"peak_vram_mb": 45_000})
    night.trial("a deeper model", Verdict.DISCARD, value=0.95)
    night.trial("in float64", Verdict.VIOLATION, value=0.85, metrics={"peak_vram_mb": 90_000})
    night.trial(POISON, Verdict.CRASH, reason=f"It ended with exit code 1: {POISON}")
    night.propose("under way")
    night.ledger.close()
    (tmp_path / "overnight.toml").write_text(
        'name = "tiny"\n[metric]\nname = "val_loss"\n'
        'constraints = ["peak_vram_mb <= 50000"]\n'
        '[scope]\neditable = ["train.py"]\n'
        '[measure]\ncommand = "true"\ndeadline = "10s"\n'
        "[budget]\ntrials = 10\n"
    )
    return tmp_path


@pytest.fixture
def call(root: Path) -> Call:
    """Calls a command about the study of `root`; an OvernightError comes out as it is."""
    app = typer.Typer(pretty_exceptions_enable=False)
    for command in (log, status, show, diff, export, plot):
        app.command()(command)

    def invoke(*arguments: str, study: Path | None = None) -> Result:
        where = ["--study", str(study or root)]
        return CliRunner().invoke(app, [*arguments, *where], catch_exceptions=False)

    return invoke
