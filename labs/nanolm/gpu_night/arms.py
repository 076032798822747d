"""`tune` against `replay` of what the article's nights kept, on a study of its own."""

import argparse
import shutil
import signal
import sys
import time
from contextlib import closing
from pathlib import Path
from string import Template

from gpu_night.budget import OutOfTime, Timer
from gpu_night.measured import LAB
from rich.console import Console

from overnight.arms import named
from overnight.cli.display import PlainDisplay
from overnight.comparison import run_comparison
from overnight.config import Study, load_study
from overnight.layout import Layout
from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import TrialRecord
from overnight.progress import Phase
from overnight.sandbox.devices import list_gpus
from overnight.workspace.git import git

NIGHTS = ("gpt54", "spark")  # whose patches are replayed, one after the other


class Display(PlainDisplay):
    """Prints what happens, and asks the comparison to stop when time runs out."""

    def __init__(self, study: Study, timer: Timer) -> None:
        super().__init__(study, Console(width=200))
        self._timer = timer
        self._finals = (1 + len(study.compare.arms)) * study.compare.runs
        self._since_s = time.monotonic()
        self._measures_again = False

    def phase(
        self, trial: int, phase: Phase, *, deadline_s: float | None = None, log: Path | None = None
    ) -> None:
        """Do not begin the last measurement unless it fits: one that is cut off is lost."""
        super().phase(trial, phase, deadline_s=deadline_s, log=log)
        if phase is Phase.VALIDATING and not self._measures_again:
            self._measures_again = True
            self._stop_unless_room(self._finals)

    def verdict(self, trial: TrialRecord) -> None:
        """Do not begin another trial unless it fits."""
        super().verdict(trial)
        self._timer.took(time.monotonic() - self._since_s)
        self._since_s = time.monotonic()
        self._stop_unless_room(1)

    def _stop_unless_room(self, runs: int) -> None:
        if not self._timer.has_room(runs):
            signal.raise_signal(signal.SIGINT)


def compare(options: argparse.Namespace, timer: Timer) -> None:
    """Run the comparison, or go on with it, unless it is done.

    Raises:
        OutOfTime: It does not fit into this call.
    """
    layout = Layout(options.work / "study")
    if not layout.root.exists():
        make_study(options, layout.root)
    if is_finished(layout):
        return
    if not timer.has_room(2):
        raise OutOfTime
    study = load_study(layout.root)
    table = study.compare.model_copy(update={"arms": tuple(named(study.compare.arms))})
    display = Display(study.with_budget(table.budget), timer)
    if not run_comparison(study, table, table.budget, display).finished:
        raise OutOfTime


def is_finished(layout: Layout) -> bool:
    """Whether an earlier call finished the comparison."""
    if not layout.ledger.exists():
        return False
    with closing(LedgerReader(layout.ledger)) as reader:
        return any(comparison.ended_at is not None for comparison in reader.comparisons())


def make_study(options: argparse.Namespace, root: Path) -> None:
    """Write a repository of its own, and all patches into one folder."""
    patches = options.work / "patches"
    patches.mkdir(exist_ok=True)
    for number, night in enumerate(NIGHTS, 1):
        for file in (LAB / "patches" / night).glob("*.patch"):
            shutil.copy(file, patches / f"{number}-{night}-{file.name}")
    root.mkdir()
    for name in ("train.py", "prepare.py", "program.md"):
        shutil.copy(LAB / name, root)
    constraints = [f'"training_seconds <= {options.train_s + 5}"']
    constraints += ['"harness.peak_gpu_mb <= 46000"'] if list_gpus() else []
    template = Template((LAB / "gpu_night" / "study.toml").read_text())
    text = template.substitute(
        constraints=", ".join(constraints),
        python=sys.executable,
        deadline_s=options.train_s + 180,
        train_s=options.train_s,
        finals=options.finals,
        trials=options.trials,
        patches=patches,
        sandbox="bubblewrap" if shutil.which("bwrap") else "none",
    )
    (root / "overnight.toml").write_text(text)
    git("init", "--quiet", cwd=root)
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--message", "The study of the night", cwd=root)
