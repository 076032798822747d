"""What git's settings and the repository's make-up mean for a night."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from overnight.doctor.check import Group, Result, checks, failed, ok, warning
from overnight.doctor.patient import Patient
from overnight.doctor.words import listed, size
from overnight.untrusted import read_small_file
from overnight.workspace.git import git

_LEAST_VERSION = (2, 34)
_POINTER = b"version https://git-lfs.github.com/spec/"
_LARGEST_POINTER_BYTES = 1024
_MANY_FILES, _MANY_BYTES = 50_000, 5 * 2**30
_LEFT_ASIDE = {
    "core.hookspath": "hooks in {value}",
    "core.fsmonitor": "core.fsmonitor",
    "core.sparsecheckout": "sparse checkout, so checkouts are whole",
    "commit.gpgsign": "commit.gpgsign, so kept commits are not signed",
    "commit.template": "commit.template",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of the user's or the repository's."""

    key: str
    value: str


def version(patient: Patient) -> Result:
    """The git on PATH is new enough."""
    told = git("version", cwd=patient.layout.root).decode().strip()
    number = re.search(r"(\d+)\.(\d+)", told)
    if number is None or (int(number[1]), int(number[2])) < _LEAST_VERSION:
        return failed(f"{told} is too old.", fix="Install git 2.34 or newer and put it on PATH.")
    return ok(f"{told} is new enough.")


def settings(patient: Patient) -> Result:
    """No hook, signature or monitor can hold a night up."""
    switched_on = [it for it in _settings(patient) if it.value.lower() not in ("false", "no", "0")]
    told = [
        _LEFT_ASIDE[setting.key].format(value=setting.value)
        for setting in switched_on
        if setting.key in _LEFT_ASIDE
    ]
    hooks = patient.repository.git_dir / "hooks"
    if hooks.is_dir() and any(hook.suffix != ".sample" for hook in hooks.iterdir()):
        told.append("the hooks in .git/hooks")
    if not told:
        return ok("No hook, signature or monitor is set up.")
    return ok(f"A night leaves aside: {listed(told)}.")


def history(patient: Patient) -> Result:
    """All of the baseline's objects are here."""
    root = patient.layout.root
    promised = [setting for setting in _settings(patient) if setting.key.endswith(".promisor")]
    if promised:
        listing = git(
            "rev-list", "--objects", "--missing=print", f"{patient.baseline}^{{tree}}", cwd=root
        )
        missing = sum(line.startswith(b"?") for line in listing.splitlines())
        if missing:
            return failed(
                f"This is a partial clone, and {missing} objects of the baseline are not here.",
                fix="Fetch them: `git archive HEAD >/dev/null`.",
            )
    shallow = git("rev-parse", "--is-shallow-repository", cwd=root).strip() == b"true"
    return ok("The clone is shallow, which does no harm." if shallow else "The clone is complete.")


def lfs(patient: Patient) -> Result:
    """Files under Git LFS have their content in a checkout, and no proposal changes one."""
    pointers = list(_pointers(patient))
    if pointers:
        return failed(
            f"{listed(pointers)} would be a Git LFS pointer in every checkout, not its content.",
            fix="Run `git lfs install && git lfs pull`.",
        )
    filtered = _filtered(patient)
    editable = [path for path in filtered if patient.study.editable.match(path)]
    if editable:
        return warning(
            f"{listed(editable)} is editable, but a git filter makes its content; proposals are"
            " committed without filters.",
            fix="Take it out of scope.editable.",
        )
    if not filtered:
        return ok("No file goes through a git filter.")
    return ok(f"{listed(filtered)} goes through a git filter, and has its content.")


def submodules(patient: Patient) -> Result:
    """Every file that a run needs is in the commit itself."""
    found = patient.repository.submodules(patient.baseline)
    if not found:
        return ok("There is no submodule and no nested repository.")
    declared = patient.text(".gitmodules")
    nested = [path for path in found if f"path = {path}" not in declared]
    if nested:
        return warning(
            f"{listed(nested)} is a repository inside this one, and checkouts lack its files.",
            fix=f"Run `rm -rf {nested[0]}/.git && git rm --cached {nested[0]} && git add"
            f" {nested[0]}`, and commit.",
        )
    return warning(
        f"The submodules {listed(found)} are not checked out for trials.",
        fix="Commit their files here, or name their directory in sandbox.read and lead the"
        " measured command there.",
    )


def weight(patient: Patient) -> Result:
    """Checkouts of the repository are made fast."""
    files, total = len(patient.sizes), sum(patient.sizes.values())
    told = f"A checkout has {files} files and {size(total)}"
    if files > _MANY_FILES or total > _MANY_BYTES:
        return warning(
            f"{told}, and there are four.",
            fix="Keep data out of git and name its directory in sandbox.read.",
        )
    return ok(f"{told}.")


CHECKS = checks(Group.GIT, *(version, settings, history, lfs, submodules, weight))


def _settings(patient: Patient) -> Iterator[Setting]:
    """The settings in force, less those that our own calls of git carry."""
    listing = git("config", "--list", "--show-scope", "-z", cwd=patient.layout.root)
    fields = listing.decode(errors="replace").split("\0")
    for scope, setting in zip(fields[::2], fields[1::2], strict=False):
        if scope != "command":
            key, _, value = setting.partition("\n")
            yield Setting(key.lower(), value)


def _filtered(patient: Patient) -> list[str]:
    """The baseline's files that go through a filter."""
    if not any(path.rpartition("/")[2] == ".gitattributes" for path in patient.files):
        return []
    listing = b"".join(path.encode(errors="surrogateescape") + b"\0" for path in patient.files)
    answer = git(
        "check-attr", "--stdin", "-z", "filter", cwd=patient.layout.root, stdin=listing
    ).split(b"\0")
    triples = zip(answer[::3], answer[1::3], answer[2::3], strict=False)
    return [
        path.decode(errors="surrogateescape")
        for path, _, value in triples
        if value not in (b"unspecified", b"unset")
    ]


def _pointers(patient: Patient) -> Iterator[str]:
    """Files whose content in a checkout is a pointer of Git LFS's."""
    for path in _filtered(patient):
        file = patient.ward.checkout.root / path
        content = read_small_file(file, most_bytes=_LARGEST_POINTER_BYTES) or b""
        if content.startswith(_POINTER):
            yield path
