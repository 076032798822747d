"""The study file and what it says of the repository, each thing broken for real."""

import os
from pathlib import Path
from typing import Any

import pytest

from overnight import lock
from overnight.config import STUDY_FILE
from overnight.doctor import Status
from overnight.ledger import schema
from overnight.researchers.scripted import Step
from overnight.testing.studies import TRAIN, prints

from .conftest import Examine, Make


def test_an_unknown_key_is_named_with_its_line(make: Make, examine: Examine) -> None:
    study = make()
    (study.root / STUDY_FILE).write_text(
        (study.root / STUDY_FILE).read_text().replace("deadline", "dedline")
    )
    result = examine(study, "study.file")
    assert result.status is Status.FAILED
    assert "Did you mean 'deadline'?" in " ".join((result.finding, *result.details))


def test_no_repository_at_all(make: Make, examine: Examine, tmp_path: Path) -> None:
    study = make()
    (study.root / ".git").rename(tmp_path / "gone")
    result = examine(study, "study.repository")
    assert (result.status, "git init" in result.fix) == (Status.FAILED, True)


def test_a_repository_of_another_user(
    make: Make, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make()
    if study.root.owner() != "root":
        pytest.skip("only root can give files away")
    for path in (study.root, study.root / ".git"):
        path.chmod(0o777)
        os.chown(path, 12345, 12345)
    monkeypatch.delenv("SUDO_UID", raising=False)
    result = examine(study, "study.repository")
    assert "belongs to another user" in result.finding
    assert result.fix == f"Run `git config --global --add safe.directory {study.root}`."


def test_a_program_that_says_nothing(make: Make, examine: Examine) -> None:
    assert examine(make(), "study.program").status is Status.WARNING
    empty = make({"program.md": " \n"}, program="program.md")
    assert examine(empty, "study.program").finding == "program.md is empty."
    (empty.root / "program.md").write_text("Make it better.\n")
    assert examine(empty, "study.program").status is Status.OK


@pytest.mark.parametrize(
    ("scope", "status", "words"),
    [
        ({"editable": ["train.sh"]}, Status.OK, "1 files may change"),
        ({"editable": ["trian.sh"]}, Status.FAILED, "did you mean 'train.sh'"),
        ({"editable": ["train.sh"], "protected": ["nothing/**"]}, Status.FAILED, "nothing/**"),
        ({"editable": ["*.sh"], "protected": ["prepare.sh"]}, Status.WARNING, "protected wins"),
        ({"editable": ["train.sh", "new/**"]}, Status.WARNING, "unless the researcher is to make"),
    ],
)
def test_patterns_that_match_nothing(
    scope: dict[str, list[str]], status: Status, words: str, make: Make, examine: Examine
) -> None:
    result = examine(make(scope={"protected": [], **scope}), "study.scope")
    assert result.status is status
    assert words in result.finding + result.fix


def test_uncommitted_changes(make: Make, examine: Examine) -> None:
    study = make()
    assert examine(study, "study.uncommitted").status is Status.OK
    (study.root / TRAIN).write_text(prints(0.5))
    result = examine(study, "study.uncommitted")
    assert (result.status, TRAIN in result.finding) == (Status.WARNING, True)


def test_files_of_the_scorer(make: Make, examine: Examine, tmp_path: Path) -> None:
    answers = tmp_path / "answers"
    study = make(score={"command": "true", "files": [str(answers)]})
    assert "does not exist" in examine(study, "study.exclusive-files").finding
    answers.write_text("42")
    assert examine(study, "study.exclusive-files").status is Status.OK
    study.configure(score={"command": "true", "files": ["src"]})
    result = examine(study, "study.exclusive-files")
    assert (result.status, "is in git" in result.finding) == (Status.FAILED, True)


def test_the_branch_of_the_study(make: Make, examine: Examine) -> None:
    study = make()
    assert examine(study, "study.branch").status is Status.OK
    study.git("branch", "overnight/tiny")
    assert "git branch -D overnight/tiny" in examine(study, "study.branch").fix
    study.git("checkout", "--quiet", "overnight/tiny")
    assert examine(study, "study.branch").fix == "Check out another branch there."


def test_a_branch_that_somebody_moved(make: Make, examine: Examine) -> None:
    study = make()
    study.run([Step("better", edits={TRAIN: prints(0.5)})])
    assert examine(study, "study.branch").status is Status.OK
    study.git("branch", "--force", "overnight/tiny", "HEAD")
    incumbent = study.trials()[1].commit
    assert examine(study, "study.branch").fix == f"Run `git branch -f overnight/tiny {incumbent}`."


def test_a_ledger_of_another_version_or_study(
    make: Make, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make()
    assert "no ledger yet" in examine(study, "study.ledger").finding
    study.run([])
    assert examine(study, "study.ledger").status is Status.OK
    study.configure(metric={"name": "accuracy"})
    assert "Change overnight.toml back" in examine(study, "study.ledger").fix
    monkeypatch.setattr(schema, "SCHEMA_VERSION", 1)
    assert "another version" in examine(study, "study.ledger").finding


def test_a_night_that_is_running(make: Make, examine: Examine) -> None:
    study = make()
    assert examine(study, "study.night").status is Status.OK
    with lock.hold(study.layout.lock):
        result = examine(study, "study.night")
    assert result.status is Status.WARNING
    assert "process" in result.finding


@pytest.mark.parametrize(
    ("tables", "status", "words"),
    [
        ({"kind": "tune"}, Status.WARNING, "no end"),
        ({"kind": "tune", "trials": 3}, Status.OK, "trials = 3"),
        ({"kind": "codex", "hours": 8}, Status.WARNING, "no limit"),
        ({"kind": "codex", "model": "gpt-5.4", "money_usd": 5}, Status.OK, "money_usd = 5"),
        ({"kind": "codex", "model": "my-own", "money_usd": 5}, Status.FAILED, "price"),
    ],
)
def test_the_end_and_the_cost_of_a_night(
    tables: dict[str, Any], status: Status, words: str, make: Make, examine: Examine
) -> None:
    who = {name: value for name, value in tables.items() if name in ("kind", "model")}
    budget = {name: value for name, value in tables.items() if name not in who}
    result = examine(make(researcher={"options": {}, **who}, budget=budget), "study.budget")
    assert result.status is status
    assert words in result.finding
