"""The machine: judged as values, and broken for real where a test can."""

from pathlib import Path

import pytest

from overnight.config import BudgetTable
from overnight.doctor import Status
from overnight.doctor.checks import machine
from overnight.doctor.load import Load, judge_inodes, judge_space, planned_trials
from overnight.doctor.machine_facts import Cpu, Mounted, Session
from overnight.workspace.git import git

from .conftest import Examine, ExamineAll, Make

GIB = 2**30


def test_a_work_directory_that_cannot_be_made(
    make: Make, examine: Examine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("OVERNIGHT_WORK", str(tmp_path / "file"))
    result = examine(make(), "machine.work")
    assert result.status is Status.FAILED
    assert "Set OVERNIGHT_WORK" in result.fix


def test_a_work_directory_inside_the_repository(
    make: Make, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make()
    monkeypatch.setenv("OVERNIGHT_WORK", str(study.root / "work"))
    assert "inside the study's repository" in examine(study, "machine.work").finding


def test_this_machine_is_fit_for_a_tiny_study(make: Make, examine_all: ExamineAll) -> None:
    names = ("work", "file-system", "record", "disk", "inodes", "clock", "session")
    found = examine_all(make(), *(f"machine.{name}" for name in names))
    assert {result.status for result in found.values()} == {Status.OK}


def test_a_disk_that_is_too_full_for_the_study(make: Make, examine: Examine) -> None:
    result = examine(make(watch={"least_disk_gb": 1e6}), "machine.disk")
    assert result.status is Status.FAILED
    assert "watch.least_disk_gb" in result.fix


@pytest.mark.parametrize(
    ("mounted", "runs", "folds", "status", "words"),
    [
        (Mounted("ext4"), True, False, Status.OK, "ext4"),
        (Mounted("nfs4"), True, False, Status.WARNING, "network file system"),
        (Mounted("fuse.sshfs"), True, False, Status.WARNING, "network file system"),
        (Mounted("ext4"), True, True, Status.WARNING, "upper and lower case"),
        (Mounted("tmpfs"), False, False, Status.FAILED, "noexec"),
    ],
)
def test_file_systems(
    mounted: Mounted, runs: bool, folds: bool, status: Status, words: str
) -> None:
    judged = machine.judge_file_system(mounted, place="/w", runs_programs=runs, folds_case=folds)
    assert judged.status is status
    assert words in judged.finding


@pytest.mark.parametrize(
    ("budget", "run_s", "trials"),
    [
        ({}, 60, 100),
        ({"trials": 7}, 60, 7),
        ({"hours": 1}, 60, 60),
        ({"hours": 1, "trials": 7}, 60, 7),
        ({"hours": 1, "trials": 700}, 60, 60),
    ],
)
def test_how_many_trials_are_planned(budget: dict[str, float], run_s: float, trials: int) -> None:
    assert planned_trials(BudgetTable.model_validate(budget), run_s=run_s) == trials


@pytest.mark.parametrize(
    ("free_gb", "status"),
    [(0.5, Status.FAILED), (2.5, Status.FAILED), (4.0, Status.WARNING), (9.0, Status.OK)],
)
def test_space_on_a_disk(free_gb: float, status: Status) -> None:
    judged = judge_space(2 * GIB, free_bytes=int(free_gb * GIB), reserve_gb=1, place="/w")
    assert judged.status is status


def test_what_a_night_needs_grows_with_checkouts_and_trials() -> None:
    small, large = Load(100, 10, 10), Load(200, 10, 10)
    assert large.work_bytes == 2 * small.work_bytes
    assert Load(100, 10, 20).record_bytes == 2 * small.record_bytes
    assert Load(100, 10, 20).files > small.files


@pytest.mark.parametrize(
    ("free", "total", "status"),
    [(10, 100, Status.FAILED), (60, 100, Status.WARNING), (99, 100, Status.OK), (0, 0, Status.OK)],
)
def test_inodes(free: int, total: int, status: Status) -> None:
    assert judge_inodes(49, free=free, total=total, place="/w").status is status


@pytest.mark.parametrize(
    ("limit", "available", "group", "status", "words"),
    [
        (8, 10, None, Status.OK, "8.0 GiB"),
        (8, 10, 4, Status.WARNING, "sandbox.memory_gb to 3.6"),
        (8, 2, None, Status.WARNING, "other programs leave 2.0 GiB"),
    ],
)
def test_memory(limit: int, available: int, group: int | None, status: Status, words: str) -> None:
    judged = machine.judge_memory(
        limit_bytes=limit * GIB,
        available_bytes=available * GIB,
        group_bytes=None if group is None else group * GIB,
    )
    assert judged.status is status
    assert words in judged.finding + judged.fix


@pytest.mark.parametrize(
    ("cpu", "status", "words"),
    [
        (Cpu(8, 8), Status.OK, "8 processors"),
        (Cpu(8, 8, quota=2.5), Status.WARNING, 'OMP_NUM_THREADS = "2"'),
        (Cpu(8, 4), Status.WARNING, 'OMP_NUM_THREADS = "4"'),
        (Cpu(8, 8, quota=0.5), Status.WARNING, 'OMP_NUM_THREADS = "1"'),
        (Cpu(8, 8, governor="powersave"), Status.WARNING, "cpupower"),
        (Cpu(8, 8, load=7.5), Status.WARNING, "Other programs"),
    ],
)
def test_processors(cpu: Cpu, status: Status, words: str) -> None:
    judged = machine.judge_cpu(cpu)
    assert judged.status is status
    assert words in judged.finding + judged.fix


@pytest.mark.parametrize(
    ("now", "commit", "drift", "status"),
    [
        (1.8e9, 1.7e9, 0.0, Status.OK),
        (1.8e9, 1.8e9 + 60, 0.0, Status.OK),
        (1.8e9, 1.8e9 + 3600, 0.0, Status.FAILED),
        (0.0, 0.0, 0.0, Status.FAILED),
        (1.8e9, 1.7e9, 0.3, Status.WARNING),
    ],
)
def test_clocks(now: float, commit: float, drift: float, status: Status) -> None:
    assert machine.judge_clock(now_s=now, commit_s=commit, drift_s=drift).status is status


def test_a_commit_of_the_future(make: Make, examine: Examine) -> None:
    study = make()
    parent, tree = study.git("rev-parse", "HEAD", "HEAD^{tree}").split()
    who = "somebody <s@localhost> 9000000000 +0000"
    commit = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\nFrom the future\n"
    made = git(
        "hash-object", "-t", "commit", "-w", "--stdin", cwd=study.root, stdin=commit.encode()
    )
    study.git("update-ref", "HEAD", made.decode().strip())
    assert "behind" in examine(study, "machine.clock").finding


@pytest.mark.parametrize(
    ("session", "status"),
    [
        (Session(remote=False), Status.OK),
        (Session(remote=True), Status.WARNING),
        (Session(remote=True, keeper="tmux"), Status.OK),
        (Session(remote=False, keeper="systemd"), Status.OK),
    ],
)
def test_sessions(session: Session, status: Status) -> None:
    assert machine.judge_session(session).status is status


def test_a_session_through_ssh(
    make: Make, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make()
    monkeypatch.setenv("SSH_CONNECTION", "1.2.3.4 5 6.7.8.9 22")
    result = examine(study, "machine.session")
    assert (result.status, "tmux" in result.fix) == (Status.WARNING, True)
    monkeypatch.setenv("TMUX", "/run/tmux/default,1,0")
    assert examine(study, "machine.session").status is Status.OK
