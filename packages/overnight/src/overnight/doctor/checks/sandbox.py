"""The sandbox: that it can be made, hides what it should, and stops what takes too much."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from overnight.doctor.asking import answer, probe_line
from overnight.doctor.check import Group, Result, checks, failed, ok, skipped, warning
from overnight.doctor.patient import Patient
from overnight.doctor.probes.writing import NAME
from overnight.doctor.words import listed, sentence
from overnight.layout import work_directory
from overnight.processes.supervisor import EndedBy
from overnight.sandbox.bubblewrap import Bubblewrap
from overnight.sandbox.machine import caches as caches_of
from overnight.sandbox.machine import host_path, user_home
from overnight.sandbox.opening import exclusive_paths
from overnight.types import SandboxKind
from overnight.workspace.git import git

NO_SANDBOX = 'The study has sandbox = "none".'
_PRIVATE = (
    *(".ssh", ".aws", ".gnupg", ".netrc", ".docker", ".kube", ".codex", ".git-credentials"),
    *(".bash_history", ".zsh_history", ".config", ".gitconfig", ".pypirc", ".npmrc", ".env"),
)
_SOCKETS = ("/run/docker.sock", "/var/run/docker.sock", "/run/containerd/containerd.sock")
_STUDY_ID = re.compile(r"[0-9a-f]{32}")
_SMALL_GB, _FEW = 0.25, 8
_GREED = {  # what is taken, how much of it, what should end it, and the limit's key
    "memory": ("400", EndedBy.MEMORY, "memory_gb"),
    "processes": ("40", EndedBy.PROCESSES, "processes"),
    "disk": ("100", EndedBy.DISK, "disk_gb"),
}


def works(patient: Patient) -> Result:
    """Programs can be confined on this machine."""
    told = patient.ward.run("true", name="works")
    if told.failure is not None:
        return failed(
            sentence(f"`true` cannot be run as the measured command: {told.failure.reason}"),
            fix="See the last lines.",
            details=told.last_lines,
        )
    if patient.study.sandbox.kind is SandboxKind.NONE:
        return warning(
            f"{NO_SANDBOX} Agent and measured command can read your keys, use the network,"
            " and change the repository, the ledger and each other's files.",
            fix='Write sandbox = "bubblewrap", unless a container confines them.',
        )
    return ok("bubblewrap works; agent and measured command are confined.")


def caches(patient: Patient) -> Result:
    """Package managers' caches can be written to inside, and what is written is thrown away."""
    study = patient.study
    if study.sandbox.kind is SandboxKind.NONE:
        return skipped(NO_SANDBOX)
    places = caches_of(study.sandbox, root=study.root, environ=patient.environ)
    if not places:
        return ok("No package manager has a cache here.")
    refused = patient.ward.probe("writing", *map(str, places))
    kept = [place for place in places if _take_away(place / NAME)]
    problems = [f"{place}: {why}" for place, why in refused.items() if why]
    if problems:
        return failed(
            f"The cache cannot be written to inside: {listed(problems)}.",
            fix="Make it yours (`chown -R $USER`), or name another one in sandbox.caches.",
        )
    if kept:
        sandbox = patient.ward.sandbox
        reason = sandbox.cache_problem if isinstance(sandbox, Bubblewrap) else ""
        return warning(
            "No overlay can be mounted here, so what a run writes into a cache stays there"
            " and reaches later runs.",
            fix="Allow overlays in user namespaces (Linux 5.11), or set sandbox.caches = [].",
            details=reason.splitlines(),
        )
    return ok(f"What runs write into {listed(map(str, places))} is thrown away.")


def hides(patient: Patient) -> Result:
    """Neither agent nor measured command can see keys, the repository, the ledger, other trials."""
    if patient.study.sandbox.kind is SandboxKind.NONE:
        return skipped(NO_SANDBOX)
    secret = list(dict.fromkeys(map(str, _to_hide(patient))))
    seen = {*patient.ward.probe("sight", *secret)}
    told = patient.desk.run_line(probe_line("sight", *secret))
    seen.update(answer(told, probe="sight"))
    if not seen:
        return ok(f"{len(secret)} places were looked for inside, and none can be seen.")
    shown = sorted(seen)
    return failed(f"{listed(shown)} can be seen inside.", fix=_how_to_hide(patient, Path(shown[0])))


def limits(patient: Patient) -> Result:
    """What takes more memory, processes or disk than it may is killed, and the reason is known."""
    small = {"memory_gb": _SMALL_GB, "processes": _FEW, "disk_gb": _SMALL_GB / 4}
    loose = []
    for what, (amount, expected, key) in _GREED.items():
        changed = {name: small[name] if name == key else None for name in small}
        changed["processes"] = small["processes"] if key == "processes" else 4096
        told = patient.ward.run(
            probe_line("greed", what, amount), name=what, deadline_s=20, sandbox=changed
        )
        used_up = told.ending.ended_by is expected
        if not used_up and not (told.failure and told.failure.outcome.endswith(what)):
            loose.append(f"{what} ({told.failure.reason if told.failure else 'it ended well'})")
    if loose:
        return failed(
            f"A command that takes too much is not stopped: {listed(loose)}.",
            fix="Look at `ulimit -a` and the container's limits; tell us if they look right.",
        )
    return ok("Commands that take too much memory, processes or disk are killed and told apart.")


CHECKS = checks(Group.SANDBOX, works, caches, hides, limits)


def _to_hide(patient: Patient) -> Iterator[Path]:
    """What is on this machine and must not be seen inside."""
    home, root = user_home(patient.environ), patient.layout.root
    git_dir = Path(os.fsdecode(git("rev-parse", "--absolute-git-dir", cwd=root)).rstrip("\n"))
    canary = patient.ward.logs / "canary"
    canary.write_text("sings", encoding="ascii")
    agent = patient.environ.get("SSH_AUTH_SOCK")
    yield from _existing([canary, root, git_dir, patient.layout.state])
    yield from _existing(home / name for name in _PRIVATE)
    yield from _existing(map(Path, (*_SOCKETS, *([agent] if agent else []))))
    yield from exclusive_paths(patient.study)
    yield from _other_nights(patient)


def _other_nights(patient: Patient) -> Iterator[Path]:
    """Work directories of other studies."""
    known = patient.ledger
    own = None if known is None else work_directory(known.study.id)
    for directory in patient.ward.work.parent.iterdir():
        is_a_studys = directory.is_dir() and _STUDY_ID.fullmatch(directory.name)
        if is_a_studys and directory != own:
            yield directory


def _how_to_hide(patient: Patient, path: Path) -> str:
    """The key that shows a path, or the one that can hide it."""
    table, root, home = patient.study.sandbox, patient.layout.root, user_home(patient.environ)
    for key in ("read", "write", "caches"):
        for place in getattr(table, key) or ():
            shown = host_path(place, root=root, home=home).resolve()
            if shown == path.resolve() or shown in path.resolve().parents:
                return f"sandbox.{key} names {place}, which holds it; name less."
    return f'Add "{path}" to sandbox.hide.'


def _existing(paths: Iterable[Path]) -> Iterator[Path]:
    return (path for path in paths if path.exists())


def _take_away(file: Path) -> bool:
    """Remove a file; returns whether it was there."""
    was_there = file.exists()
    file.unlink(missing_ok=True)
    return was_there
