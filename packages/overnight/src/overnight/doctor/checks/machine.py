"""The machine: disk, memory, processors, clock, session."""

import os
import shutil
import time
from pathlib import Path

import psutil

from overnight.doctor.check import Group, Result, checks, failed, ok, warning
from overnight.doctor.load import Load, judge_inodes, judge_space, planned_trials
from overnight.doctor.machine_facts import (
    Cpu,
    Mounted,
    Session,
    clock_drift_s,
    file_system_of,
    read_cpu,
    read_session,
)
from overnight.doctor.patient import Patient
from overnight.doctor.words import size
from overnight.durations import format_duration
from overnight.sandbox import cgroups
from overnight.sandbox.machine import memory_limit_bytes
from overnight.workspace.git import git

_NETWORKED = ("nfs", "cifs", "smb", "fuse.sshfs", "9p", "lustre", "beegfs", "ceph", "afs", "gpfs")
_CLOCK_PAUSE_S = 0.2
_CLOCK_SLACK_S = 0.05
_FUTURE_S = 120.0
_NEW_ENOUGH_S = 1_735_689_600  # 2025: this program is younger than that


def work(patient: Patient) -> Result:
    """The directory for clones and checkouts can be written to, outside of the repository."""
    directory = patient.ward.work
    if patient.layout.root.resolve() in directory.resolve().parents:
        return failed(
            f"The work directory {directory.parent} is inside the study's repository.",
            fix="Set OVERNIGHT_WORK to a directory outside of every repository.",
        )
    return ok(f"Clones and checkouts are made in {directory.parent}.")


def file_system(patient: Patient) -> Result:
    """The work directory is on a local disk where programs can be started."""
    return judge_file_system(
        file_system_of(patient.ward.work),
        place=str(patient.ward.work.parent),
        runs_programs=_runs_programs(patient.ward.work),
        folds_case=_folds_case(patient.ward.work),
    )


def judge_file_system(
    mounted: Mounted, *, place: str, runs_programs: bool, folds_case: bool
) -> Result:
    """What a file system means for clones and checkouts."""
    elsewhere = "Set OVERNIGHT_WORK to a directory on a local disk."
    if not runs_programs:
        return failed(f"No program can be started in {place} (noexec).", fix=elsewhere)
    if mounted.kind.startswith(_NETWORKED):
        return warning(
            f"{place} is on a network file system ({mounted.kind}), which is slow for checkouts.",
            fix=elsewhere,
        )
    if folds_case:
        return warning(
            f"{place} does not tell upper and lower case apart, so files can replace each other.",
            fix=elsewhere,
        )
    return ok(f"{place} is on {mounted.kind}.")


def record(patient: Patient) -> Result:
    """The ledger's place can be written to, and its locks hold."""
    root = patient.layout.root
    place = patient.layout.state if patient.layout.state.is_dir() else root
    mounted = file_system_of(place)
    if not os.access(place, os.W_OK) or "ro" in mounted.options:
        return failed(
            f"{place} cannot be written to.", fix=f"Make it yours: `chown -R $USER {root}`."
        )
    if mounted.kind.startswith(_NETWORKED):
        return failed(
            f"The ledger would be on a network file system ({mounted.kind}), where SQLite's locks"
            " do not hold.",
            fix="Clone the repository to a local disk and run the night there.",
        )
    return ok(f"The ledger's place, {patient.layout.state}, can be written to.")


def disk(patient: Patient) -> Result:
    """The disks have room for the trials that are planned."""
    load, study = _load(patient), patient.study
    work, root = patient.ward.work, patient.layout.root
    reserve_gb = study.watch.least_disk_gb
    shared = work.stat().st_dev == root.stat().st_dev
    results = [
        judge_space(
            load.work_bytes + (load.record_bytes if shared else 0),
            free_bytes=shutil.disk_usage(work).free,
            reserve_gb=reserve_gb,
            place=str(work.parent),
        )
    ]
    if not shared:
        free = shutil.disk_usage(root).free
        results.append(
            judge_space(load.record_bytes, free_bytes=free, reserve_gb=reserve_gb, place=str(root))
        )
    return _worst(results)


def inodes(patient: Patient) -> Result:
    """The disks can hold as many files."""
    load = _load(patient)
    found = []
    for place in (patient.ward.work, patient.layout.root):
        about = os.statvfs(place)
        found.append(
            judge_inodes(load.files, free=about.f_favail, total=about.f_files, place=str(place))
        )
    return _worst(found)


def memory(patient: Patient) -> Result:
    """The memory that a command may use is there."""
    return judge_memory(
        limit_bytes=memory_limit_bytes(patient.study.sandbox),
        available_bytes=psutil.virtual_memory().available,
        group_bytes=cgroups.memory_limit_bytes(),
    )


def judge_memory(*, limit_bytes: int, available_bytes: int, group_bytes: int | None) -> Result:
    """Whether commands come to their own limit before they come to the machine's.

    Args:
        group_bytes: What the control group of the harness allows, if it limits that.
    """
    told = f"A command may use {size(limit_bytes)} of memory"
    if group_bytes is not None and group_bytes < limit_bytes:
        return warning(
            f"{told}, but this container has {size(group_bytes)}: beyond that the kernel kills"
            " what it likes, the harness included.",
            fix=f"Set sandbox.memory_gb to {0.9 * group_bytes / 2**30:.1f} or less.",
        )
    if available_bytes < limit_bytes * 0.8:
        return warning(
            f"{told}, but other programs leave {size(available_bytes)} of it.",
            fix="End them (`ps aux --sort=-rss | head`), or lower sandbox.memory_gb.",
        )
    return ok(f"{told}; {size(available_bytes)} are available.")


def cpu(_patient: Patient) -> Result:
    """Programs see as many processors as they can use, at a steady speed."""
    return judge_cpu(read_cpu())


def judge_cpu(cpu: Cpu) -> Result:
    """Whether times measured on these processors can be compared."""
    usable = min(float(cpu.allowed), cpu.quota or float("inf"))
    if usable < cpu.seen:
        threads = max(1, int(usable))
        return warning(
            f"Programs see {cpu.seen} processors and may use {usable:g}, so their threads wait.",
            fix=f'Set OMP_NUM_THREADS = "{threads}" in [measure] env.',
        )
    if cpu.load > 0.5 * cpu.seen + 1:
        return warning(
            f"Other programs keep {cpu.load:.1f} of {cpu.seen} processors busy.",
            fix="End them before the night: `top` shows them.",
        )
    if cpu.governor == "powersave":
        return warning(
            "The processors are governed by 'powersave', which changes their speed as they warm.",
            fix="Run `sudo cpupower frequency-set -g performance`.",
        )
    return ok(f"{cpu.seen} processors can be used.")


def clock(patient: Patient) -> Result:
    """The clock goes forward at a steady rate, and is not behind the last commit."""
    answer = git("log", "-1", "--format=%ct", patient.baseline, cwd=patient.layout.root)
    return judge_clock(
        now_s=time.time(), commit_s=float(answer), drift_s=clock_drift_s(_CLOCK_PAUSE_S)
    )


def judge_clock(*, now_s: float, commit_s: float, drift_s: float) -> Result:
    """Whether times that are written down can be believed.

    Args:
        now_s: Since the epoch.
        commit_s: When the baseline was committed, by the clock of whoever did.
        drift_s: How far the wall clock strayed while it was watched.
    """
    fix = "Set it: `sudo timedatectl set-ntp true`."
    if now_s < _NEW_ENOUGH_S or now_s + _FUTURE_S < commit_s:
        behind = format_duration(max(commit_s, _NEW_ENOUGH_S) - now_s)
        return failed(f"The clock is at least {behind} behind.", fix=fix)
    if drift_s > _CLOCK_SLACK_S:
        return warning(f"The clock was set by {drift_s:.2f} s while it was watched.", fix=fix)
    return ok("The clock is steady, and not behind the last commit.")


def session(patient: Patient) -> Result:
    """The night goes on when this terminal's connection ends."""
    return judge_session(read_session(patient.environ))


def judge_session(session: Session) -> Result:
    """Whether a night that is started here outlives the connection."""
    if session.remote and not session.keeper:
        return warning(
            "This is an SSH session; a night that is started in it ends with the connection.",
            fix="Start it in `tmux new -s night`, or with `systemd-run --user overnight run`.",
        )
    if session.keeper:
        return ok(f"{session.keeper} keeps a night alive when the connection ends.")
    return ok("This is no SSH session.")


CHECKS = checks(
    Group.MACHINE,
    *(work, file_system, record, disk, inodes, memory, cpu, clock, session),
)


def _load(patient: Patient) -> Load:
    study, sizes = patient.study, patient.sizes.values()
    trials = planned_trials(study.budget, run_s=study.measure.deadline_s / 2)
    return Load(sum(sizes), len(sizes), trials)


def _worst(results: list[Result]) -> Result:
    order = ("failed", "warning", "ok")
    return min(results, key=lambda result: order.index(result.status))


def _runs_programs(directory: Path) -> bool:
    return not os.statvfs(directory).f_flag & os.ST_NOEXEC


def _folds_case(directory: Path) -> bool:
    file = directory / "Case"
    file.touch()
    try:
        return (directory / "cASE").exists()
    finally:
        file.unlink()
