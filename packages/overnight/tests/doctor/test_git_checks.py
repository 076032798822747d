"""What git's settings and a repository's make-up mean, on real repositories."""

import os
import subprocess
from pathlib import Path

import pytest

from overnight.doctor import Status
from overnight.testing.studies import TRAIN, TinyStudy
from overnight.workspace.git import git

from .conftest import Examine, ExamineAll, Make

POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)


def test_a_plain_repository(make: Make, examine_all: ExamineAll) -> None:
    found = examine_all(make(), "git")
    assert {result.status for result in found.values()} == {Status.OK}


def test_what_is_left_aside_is_told(make: Make, examine: Examine) -> None:
    study = make()
    study.git("config", "commit.gpgsign", "true")
    study.git("config", "core.hooksPath", "/my/hooks")
    study.git("config", "core.fsmonitor", "false")
    hook = study.root / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    told = examine(study, "git.settings").finding
    assert "commit.gpgsign" in told
    assert "/my/hooks" in told
    assert ".git/hooks" in told
    assert "fsmonitor" not in told


def test_content_that_git_lfs_has_not_fetched(make: Make, examine: Examine) -> None:
    study = make({"data.bin": POINTER, ".gitattributes": "*.bin filter=lfs -text\n"})
    result = examine(study, "git.lfs")
    assert (result.status, "data.bin" in result.finding) == (Status.FAILED, True)
    assert result.fix == "Run `git lfs install && git lfs pull`."


def test_an_editable_file_behind_a_filter(make: Make, examine: Examine) -> None:
    study = make({".gitattributes": f"{TRAIN} filter=tidy\n"})
    result = examine(study, "git.lfs")
    assert (result.status, TRAIN in result.finding) == (Status.WARNING, True)


def make_repository(directory: Path) -> Path:
    directory.mkdir(parents=True)
    git("init", "--quiet", cwd=directory)
    (directory / "file").write_text("content")
    git("add", "--all", cwd=directory)
    git("commit", "--quiet", "--message", "start", cwd=directory)
    return directory


def test_submodules(make: Make, examine: Examine, tmp_path: Path) -> None:
    study = make()
    other = make_repository(tmp_path / "other")
    allow = ("-c", "protocol.file.allow=always")
    study.git(*allow, "submodule", "--quiet", "add", str(other), "lib")
    study.git("commit", "--quiet", "--message", "A submodule")
    result = examine(study, "git.submodules")
    assert result.status is Status.WARNING
    assert "The submodules lib are not checked out" in result.finding


def test_a_nested_repository(make: Make, examine: Examine) -> None:
    study = make()
    make_repository(study.root / "nested")
    study.git("add", "--all")
    study.git("commit", "--quiet", "--message", "A nested one")
    result = examine(study, "git.submodules")
    assert "a repository inside this one" in result.finding
    assert "rm -rf nested/.git" in result.fix


def test_a_shallow_clone_can_carry_a_night(make: Make, examine: Examine, tmp_path: Path) -> None:
    origin = make()
    origin.commit({TRAIN: "echo 'val_loss: 2'\n"})
    git(
        "clone",
        "--quiet",
        "--depth=1",
        origin.root.as_uri(),
        str(tmp_path / "shallow"),
        cwd=tmp_path,
    )
    study = TinyStudy(tmp_path / "shallow")
    study.configure()
    assert "shallow" in examine(study, "git.history").finding
    assert study.run([]).incumbent is not None


def test_a_partial_clone_lacks_objects(make: Make, examine: Examine, tmp_path: Path) -> None:
    origin = make()
    origin.git("config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial"
    subprocess.run(
        (
            "git",
            "clone",
            "--quiet",
            "--no-checkout",
            "--filter=blob:none",
            origin.root.as_uri(),
            partial,
        ),
        check=True,
        env={**os.environ, "GIT_ALLOW_PROTOCOL": "file"},
    )
    study = TinyStudy(partial)
    study.configure()
    result = examine(study, "git.history")
    assert (result.status, "partial clone" in result.finding) == (Status.FAILED, True)
    assert result.fix == "Fetch them: `git archive HEAD >/dev/null`."
    study.git("archive", "--output", str(tmp_path / "all.tar"), "HEAD")
    assert examine(study, "git.history").status is Status.OK


def test_a_heavy_repository(make: Make, examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    study = make({f"data/{number}": str(number) for number in range(40)})
    monkeypatch.setattr("overnight.doctor.checks.git._MANY_FILES", 30)
    result = examine(study, "git.weight")
    assert (result.status, "sandbox.read" in result.fix) == (Status.WARNING, True)
