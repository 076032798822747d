"""What must hold of a study whenever no night runs, however the last one ended."""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import psutil

from overnight.config import Study
from overnight.layout import Layout, work_directory
from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import TrialRecord
from overnight.ledger.tsv import ResultsFile
from overnight.processes.leftovers import TOKEN_VARIABLE
from overnight.types import State
from overnight.workspace.git import git
from overnight.workspace.repository import Repository


def contradictions(study: Study) -> list[str]:
    """A sentence for everything in which ledger, branch, table and machine disagree.

    Every trial is done and has a number of its own, every run has an end, each kept trial is
    better than the one before and built on it, the branch is at the last of them,
    ``results.tsv`` is what the ledger says, git finds no fault with the repository, and neither
    a directory nor a process of the night is left.
    """
    layout = Layout(study.root)
    with closing(LedgerReader(layout.ledger)) as ledger:
        return [
            *_about_trials(ledger),
            *_about_kept(study, ledger),
            *_about_results(layout, ledger),
            *_about_leftovers(ledger.study.id),
        ]


def _about_trials(ledger: LedgerReader) -> Iterator[str]:
    trials = ledger.trials()
    numbers = [trial.number for trial in trials]
    if numbers != list(range(len(numbers))):
        yield f"The trials are numbered {numbers}."
    for trial in trials:
        if trial.state is not State.DONE or trial.verdict is None or trial.finished_at is None:
            yield f"Trial {trial.number} is {trial.state} with verdict {trial.verdict}."
    for run in (*ledger.all_runs(), *ledger.runs_again()):
        if run.outcome is None:
            yield f"Run {run.ordinal} of trial {run.trial} has no end."
    for checkpoint in ledger.checkpoints():
        if checkpoint.outcome is None or checkpoint.branch_from is not None:
            yield f"Checkpoint {checkpoint.id} has no end."


def _about_kept(study: Study, ledger: LedgerReader) -> Iterator[str]:
    kept = ledger.kept()
    for before, after in pairwise(kept):
        if after.parent_commit != before.commit:
            yield f"Trial {after.number} was kept, but is not built on trial {before.number}."
        if not _is_no_worse(study, before, after):
            yield f"Trial {after.number} was kept with {after.value} after {before.value}."
    head = Repository(study.root, study.name).branch_head()
    expected = kept[-1].commit if kept else None
    if head != expected:
        yield f"{study.branch} is at {head}, the incumbent is {expected}."
    complaints = git("fsck", "--no-dangling", cwd=study.root, accept=range(256)).decode()
    if complaints:
        yield f"git fsck says: {complaints.strip()}"


def _is_no_worse(study: Study, before: TrialRecord, after: TrialRecord) -> bool:
    to_beat = before.value if after.to_beat is None else after.to_beat
    if to_beat is None or after.value is None:
        return False
    return study.objective.goal.gain(old=to_beat, new=after.value) >= 0


def _about_results(layout: Layout, ledger: LedgerReader) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="overnight-results-") as directory:
        anew = ResultsFile(Path(directory) / layout.results.name, ledger)
        anew.update()
        if not layout.results.exists() or layout.results.read_bytes() != anew.path.read_bytes():
            yield f"{layout.results.name} does not say what the ledger says."


def _about_leftovers(study_id: str) -> Iterator[str]:
    directory = work_directory(study_id) / "night"
    if directory.exists():
        yield f"{directory} was left behind."
    for process in psutil.process_iter():
        try:
            if process.environ().get(TOKEN_VARIABLE, "").startswith(f"{study_id}-"):
                yield f"Process {process.pid} is still running: {process.cmdline()}."
        except psutil.Error:
            continue  # it ended meanwhile, or is another user's
