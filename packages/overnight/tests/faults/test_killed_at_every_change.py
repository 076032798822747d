"""SIGKILL at every change of state of a night; then a plain `run` must put everything right.

`make test` takes every fifteenth moment, `make test-all` all of them.
"""

import itertools
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, MetaData

from overnight.ledger.store import Ledger
from overnight.ledger.tsv import ResultsFile
from overnight.processes.supervisor import Supervisor
from overnight.researchers.scripted import Step
from overnight.testing.studies import TRAIN, TinyStudy, make_study, prints
from overnight.types import Verdict
from overnight.workspace.pool import Workspaces
from overnight.workspace.repository import Repository

STEPS = (
    (Step("better", edits={TRAIN: prints(0.9)}), Verdict.KEEP),
    (Step("worse", edits={TRAIN: prints(1.1)}), Verdict.DISCARD),
    (Step("not allowed", edits={"README.md": "mine\n"}), Verdict.OUT_OF_SCOPE),
    (Step("broken", edits={TRAIN: "exit 7\n"}), Verdict.CRASH),
)
SCRIPT = [step for step, _ in STEPS]
NOTHING_LEFT = "No proposal: Every scripted step has been made."
CUT_OFF = "Cut off while proposing."

# What a night changes outside of the ledger, whose transactions are watched one by one.
CHANGES: tuple[tuple[type, str], ...] = (
    (MetaData, "create_all"),
    (Repository, "commit_proposal"),
    (Repository, "move_branch"),
    (ResultsFile, "update"),
    (Supervisor, "run"),
    (Workspaces, "close"),
)
STRIDE = 15  # tests that share the moments among them, for xdist to spread
FIRSTS = [
    pytest.param(first, marks=() if first == 3 else pytest.mark.slow)
    for first in range(1, STRIDE + 1)
]
BEFORE_THE_CHECKPOINT = 30
PAIRS = [
    *((3, 3), (17, 9), (40, 21)),
    *(pytest.param(*pair, marks=pytest.mark.slow) for pair in ((11, 2), (24, 6))),
]


class Fuse:
    """Counts the moments around every change and ends this process with SIGKILL at one of them.

    Args:
        blows_at: Which moment, the first being 1; at 0 it never blows.
        log: Gets a line for each moment reached.
    """

    def __init__(self, blows_at: int, log: Path) -> None:
        self._left = blows_at
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def reach(self, moment: str) -> None:
        os.write(self._log, f"{moment}\n".encode())
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """Wrap every change; for a process that is about to end, since nothing is put back."""
        self._watch_transactions()
        for owner, name in CHANGES:
            setattr(owner, name, self._watched(getattr(owner, name)))

    def _watched(self, change: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(change)
        def watched(*args: Any, **kwargs: Any) -> Any:
            result = change(*args, **kwargs)
            self.reach(f"after {change.__qualname__}")
            return result

        return watched

    def _watch_transactions(self) -> None:
        transaction = Ledger.transaction

        @contextmanager
        def watched(ledger: Ledger, **options: bool) -> Iterator[Connection]:
            with transaction(ledger, **options) as connection:
                yield connection
                self.reach("before a commit to the ledger")
            self.reach("after a commit to the ledger")

        setattr(Ledger, "transaction", watched)  # noqa: B010  # mypy lets no method be assigned


def run_with_fuse(study: TinyStudy, *, blows_at: int, script: Sequence[Step] = SCRIPT) -> list[str]:
    """Run a night in a forked process that may be killed; returns the moments it reached."""
    log = study.root.with_suffix(".moments")
    child = os.fork()
    if child == 0:
        try:
            Fuse(blows_at, log).install()
            study.run(script)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    moments = log.read_text().splitlines()
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert killed == (len(moments) == blows_at), moments[-3:]
    return moments


def check_verdicts(study: TinyStudy, *, most_cut_off: int) -> None:
    """Each step has one verdict: its own or, at most so many times, that it was cut off."""
    baseline, *trials = study.trials()
    assert baseline.verdict is Verdict.KEEP
    made, surplus = trials[: len(STEPS)], trials[len(STEPS) :]
    cut_off = [trial for trial in made if trial.verdict is Verdict.INTERRUPTED]
    assert len(cut_off) <= most_cut_off
    for (step, expected), trial in zip(STEPS, made, strict=True):
        assert trial in cut_off or (trial.title, trial.verdict) == (step.title, expected)
    assert {trial.verdict for trial in surplus} <= {Verdict.INTERRUPTED}
    assert {trial.reason for trial in surplus} <= {CUT_OFF, NOTHING_LEFT}


@pytest.mark.parametrize("first", FIRSTS)
def test_killed_once(first: int, tmp_path: Path, consistent: Callable[[TinyStudy], None]) -> None:
    for moment in itertools.count(first, STRIDE):
        study = make_study(tmp_path / f"killed-at-{moment}")
        before = study.user_state()
        reached = run_with_fuse(study, blows_at=moment)
        study.run(SCRIPT)
        was_killed = len(reached) == moment
        check_verdicts(study, most_cut_off=int(was_killed))
        consistent(study)
        assert study.user_state() == before
        if not was_killed:
            assert len(reached) > 50  # or the changes are not watched any more
            return


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_killed_twice(
    first: int, second: int, study: TinyStudy, consistent: Callable[[TinyStudy], None]
) -> None:
    before = study.user_state()
    for moment in (first, second):
        assert len(run_with_fuse(study, blows_at=moment)) == moment
    study.run(SCRIPT)
    check_verdicts(study, most_cut_off=2)
    consistent(study)
    assert study.user_state() == before


@pytest.mark.parametrize("first", FIRSTS)
def test_killed_while_a_checkpoint_takes_back_what_does_not_hold(
    first: int, tmp_path: Path, consistent: Callable[[TinyStudy], None]
) -> None:
    """The moments from the last trial on: the checkpoint, the demotion, the branch's way back."""
    for moment in itertools.count(BEFORE_THE_CHECKPOINT + first, STRIDE):
        directory = tmp_path / f"killed-at-{moment}"
        seen = tmp_path / f"seen-{moment}"
        lucky = f"[ -e {seen} ] && echo val_loss: 3 || echo val_loss: 0.1\ntouch {seen}\n"
        script = [STEPS[0][0], Step("lucky", edits={TRAIN: lucky})]
        checkpoint = {"every_trials": 2, "at_end": True, "repeats": 1}
        study = make_study(directory, checkpoint=checkpoint, budget={"trials": 2})
        reached = run_with_fuse(study, blows_at=moment, script=script)
        study.run(script)
        consistent(study)
        standing = [
            trial.number
            for trial in study.trials()
            if trial.verdict is Verdict.KEEP and trial.demoted_after is None
        ]
        assert standing == [0, 1]
        if len(reached) < moment:
            assert any("move_branch" in reach for reach in reached[BEFORE_THE_CHECKPOINT:])
            return
