"""The user's repository in every state that users bring: worked from, and never touched."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from overnight.config import STUDY_FILE
from overnight.errors import BaselineFailed, BranchMoved, LedgerError, RepositoryError
from overnight.researchers.scripted import Step
from overnight.testing.studies import TRAIN, Listener, TinyStudy, make_study, prints
from overnight.types import Verdict

BETTER = Step("better", edits={TRAIN: prints(0.9)})
BETTER_STILL = Step("better still", edits={TRAIN: prints(0.8)})
Consistent = Callable[[TinyStudy], None]


def test_uncommitted_changes_are_told_and_left_alone(
    study: TinyStudy, consistent: Consistent
) -> None:
    (study.root / TRAIN).write_text(prints(0.01))
    (study.root / "prepare.sh").unlink()
    (study.root / "README.md").write_text("Staged.\n")
    study.git("add", "README.md")
    (study.root / "new.txt").write_text("untracked\n")
    before, listener = study.user_state(), Listener()
    study.run([BETTER], watcher=listener)
    assert [trial.value for trial in study.trials()[:2]] == [1.0, 0.9]
    head = study.git("rev-parse", "--short=7", "HEAD")
    assert listener.said[0].startswith(f"Working from commit {head}; uncommitted changes to ")
    assert listener.said[0].endswith(" and 2 more files are not part of it.")
    assert study.user_state() == before
    consistent(study)


def test_detached_head(study: TinyStudy, consistent: Consistent) -> None:
    study.git("checkout", "--quiet", "--detach")
    before = study.user_state()
    study.run([BETTER])
    assert study.git("rev-parse", "overnight/tiny~1") == study.git("rev-parse", "HEAD")
    assert study.user_state() == before
    consistent(study)


def test_linked_worktree(study: TinyStudy, tmp_path: Path, consistent: Consistent) -> None:
    main = study.user_state()
    study.git("worktree", "add", "--quiet", "-b", "aside", str(tmp_path / "aside"))
    aside = TinyStudy(tmp_path / "aside")
    before = aside.user_state()
    aside.run([BETTER])
    assert aside.user_state() == before
    assert study.user_state().files == main.files
    assert not study.layout.state.exists()
    consistent(aside)


def test_odd_path(tmp_path: Path, consistent: Consistent) -> None:
    study = make_study(tmp_path / "two words, 'quoted' & \"Größe\" %20 #1 \\ 数")
    before = study.user_state()
    study.run([BETTER, BETTER_STILL])
    assert [trial.verdict for trial in study.trials()[:3]] == [Verdict.KEEP] * 3
    assert study.user_state() == before
    consistent(study)


def test_branch_moved_between_nights(study: TinyStudy, consistent: Consistent) -> None:
    study.run([BETTER])
    kept = study.git("rev-parse", "overnight/tiny")
    study.git("branch", "--force", "overnight/tiny", "HEAD")
    with pytest.raises(BranchMoved) as told:
        study.run([BETTER, BETTER_STILL])
    assert told.value.fix == f"Run `git branch -f overnight/tiny {kept}`."
    study.git("branch", "--force", "overnight/tiny", kept)
    study.run([BETTER, BETTER, BETTER_STILL, BETTER_STILL])
    consistent(study)


def test_branch_moved_under_a_night(study: TinyStudy, consistent: Consistent) -> None:
    def move_it(_: Path) -> None:
        study.git("branch", "overnight/tiny", "--force", study.commit({"theirs": "x"}))

    start = study.git("rev-parse", "HEAD")
    with pytest.raises(BranchMoved, match="by somebody else") as told:
        study.run([Step("meanwhile", edits={TRAIN: prints(0.9)}, action=move_it)])
    assert told.value.fix == f"Put it back with `git update-ref refs/heads/overnight/tiny {start}`."
    with pytest.raises(BranchMoved):
        study.run()
    study.git("update-ref", "refs/heads/overnight/tiny", start)
    study.run()
    assert study.trials()[1].verdict is Verdict.KEEP
    consistent(study)


def test_branch_without_a_ledger(study: TinyStudy) -> None:
    study.git("branch", "overnight/tiny")
    with pytest.raises(BranchMoved, match="exists already") as told:
        study.run()
    assert "git branch -D overnight/tiny" in (told.value.fix or "")


def test_branch_checked_out(study: TinyStudy) -> None:
    study.run([BETTER])
    study.git("checkout", "--quiet", "overnight/tiny")
    before = study.user_state()
    with pytest.raises(RepositoryError, match="is on overnight/tiny, which this night would move"):
        study.run([BETTER, BETTER_STILL])
    assert study.user_state() == before


@pytest.mark.parametrize(
    "tables", [{"metric": {"name": "accuracy"}}, {"metric": {"goal": "maximize"}}]
)
def test_another_metric_is_another_study(
    tables: dict[str, dict[str, str]], study: TinyStudy
) -> None:
    study.run()
    study.configure(**tables)
    with pytest.raises(
        LedgerError, match=r"holds the study tiny val_loss minimize, not tiny "
    ) as e:
        study.run()
    assert (e.value.fix or "").startswith(f"Change {STUDY_FILE} back, or move ")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo sorry\nexit 2\n", "It ended with exit code 2: sorry"),
        pytest.param(prints("nan"), "val_loss is not a number", marks=pytest.mark.slow),
        pytest.param("true\n", "The run reported no val_loss.", marks=pytest.mark.slow),
        (f"{prints(1)}echo >>{TRAIN}\n", "The run changed its own files"),
    ],
)
def test_baseline_that_fails_can_be_mended(
    script: str, reason: str, study: TinyStudy, consistent: Consistent
) -> None:
    study.commit({TRAIN: script})
    for _ in range(2):
        with pytest.raises(BaselineFailed, match="The baseline could not be measured: ") as told:
            study.run([BETTER])
        assert reason in str(told.value)
    mended, listener = study.commit({TRAIN: prints(1.0)}), Listener()
    study.run([BETTER], watcher=listener)
    assert f"The baseline is now {mended[:7]}." in listener.said
    assert [trial.verdict for trial in study.trials()[:2]] == [Verdict.KEEP, Verdict.KEEP]
    assert study.trials()[0].commit == mended
    consistent(study)


def test_baseline_that_breaks_a_constraint(make: Callable[..., TinyStudy]) -> None:
    tables = {"metric": {"constraints": ["peak_mb <= 10"]}}
    study = make(files={TRAIN: f"echo peak_mb: 11\n{prints(1)}"}, **tables)
    with pytest.raises(BaselineFailed, match="breaks a constraint: peak_mb <= 10 does not hold"):
        study.run()


def test_commit_while_the_night_runs(study: TinyStudy, consistent: Consistent) -> None:
    """The user may go on working; the night started from where it did."""

    def work(_: Path) -> None:
        study.commit({TRAIN: prints(0.1), "more.txt": "x\n"})

    study.run([Step("meanwhile", edits={TRAIN: prints(0.9)}, action=work), BETTER_STILL])
    assert [trial.value for trial in study.trials()[:3]] == [1.0, 0.9, 0.8]
    assert "more.txt" not in study.git("ls-tree", "--name-only", "overnight/tiny")
    consistent(study)


RULES_OUT_READING = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")


@pytest.mark.parametrize(
    "locked",
    [
        TRAIN,
        pytest.param("src/model.txt", marks=pytest.mark.slow),
        pytest.param("src", marks=pytest.mark.slow),
        ".",
    ],
)
def test_unreadable_proposal(
    locked: str,
    make: Callable[..., TinyStudy],
    work: Path,
    run_command: tuple[str, ...],
    consistent: Consistent,
) -> None:
    """As a user whom permissions bind, which root is not."""
    once = work.with_name("once")
    command = f"echo >>{TRAIN}; [ -e '{once}' ] || chmod 0 {locked}; touch '{once}'"
    researcher = {"kind": "command", "options": {"command": command}}
    study = make(researcher=researcher, budget={"trials": 2})
    rules = RULES_OUT_READING if _is_root() else ()
    done = subprocess.run((*rules, *run_command), cwd=study.root, check=False, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    refused, tied = study.trials()[1:3]
    assert refused.verdict is Verdict.OUT_OF_SCOPE
    assert refused.reason == "Its clone cannot be read: Permission denied."
    assert tied.verdict is Verdict.DISCARD
    consistent(study)


def _is_root() -> bool:
    return Path("/proc/self").stat().st_uid == 0
