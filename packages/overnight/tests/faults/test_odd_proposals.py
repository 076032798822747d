"""Whatever a researcher leaves in its clone: one verdict with a reason, and a clean next trial.

`make test` takes one of every kind, `make test-all` all of them.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from overnight.researchers.scripted import Step
from overnight.testing.studies import FILES, TRAIN, TinyStudy, prints
from overnight.types import Verdict
from overnight.workspace.git import git

WORSE = prints(1.5)
BETTER = prints(0.5)
NO_CHANGE = r"No proposal: The researcher (changed no file|left every file's content as it was)\."


@dataclass(frozen=True, slots=True)
class Case:
    """What a researcher does, what becomes of its trial, and how the reason begins."""

    name: str
    act: Callable[[Path], object]
    verdict: Verdict
    reason: str


def refused(name: str, act: Callable[[Path], object], reason: str) -> Case:
    return Case(name, act, Verdict.OUT_OF_SCOPE, reason)


def ineffective(name: str, act: Callable[[Path], object]) -> Case:
    return Case(name, act, Verdict.INTERRUPTED, NO_CHANGE)


def judged(name: str, act: Callable[[Path], object]) -> Case:
    """The change of `train.sh` counts, and nothing else that was done."""

    def act_and_edit(clone: Path) -> None:
        (clone / TRAIN).write_text(WORSE)
        act(clone)

    return Case(name, act_and_edit, Verdict.DISCARD, r"val_loss 1 -> 1\.5: worse by 0\.5")


def tied(name: str, act: Callable[[Path], object]) -> Case:
    return Case(name, act, Verdict.DISCARD, r"val_loss 1 -> 1: a tie")


def writes(path: str, content: str = "x\n") -> Callable[[Path], object]:
    def write(clone: Path) -> None:
        (clone / path).parent.mkdir(parents=True, exist_ok=True)
        (clone / path).write_text(content)

    return write


def outside(clone: Path) -> Path:
    """A directory of the user's, which is not the researcher's to change."""
    directory = Path(os.environ["OVERNIGHT_WORK"]).with_name("outside")
    if not directory.exists():
        directory.mkdir()
        (directory / "precious.txt").write_text(WORSE)
    return directory


def commits(clone: Path) -> None:
    git("commit", "--quiet", "--all", "--message", "my own", cwd=clone)


def rewrites_history(clone: Path) -> None:
    git("checkout", "--quiet", "--orphan", "other", cwd=clone)
    git("commit", "--quiet", "--all", "--message", "the only one", cwd=clone)
    git("branch", "-D", "overnight/tiny", cwd=clone)


def makes_nested_repository(clone: Path) -> None:
    (clone / "src/inner").mkdir()
    git("init", "--quiet", cwd=clone / "src/inner")


def makes_nested_history(clone: Path) -> None:
    makes_nested_repository(clone)
    writes("src/inner/file")(clone)
    git("add", "file", cwd=clone / "src/inner")
    git("commit", "--quiet", "--message", "inner", cwd=clone / "src/inner")


def leaves_traps(clone: Path) -> None:
    hook = clone / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {outside(clone)}/trapped\n")
    hook.chmod(0o755)
    for key in ("core.fsmonitor", "core.sshCommand", "filter.trap.clean", "diff.external"):
        git("config", key, f"touch {outside(clone)}/trapped", cwd=clone)
    git("config", "core.worktree", str(outside(clone)), cwd=clone)
    (clone / ".git/info").mkdir(exist_ok=True)
    (clone / ".git/info/attributes").write_text("* filter=trap\n")
    (clone / ".git/info/exclude").write_text("train.sh\n")


def points_git_elsewhere(clone: Path) -> None:
    shutil.rmtree(clone / ".git")
    (clone / ".git").symlink_to(outside(clone))


def adds_submodule(clone: Path) -> None:
    git("init", "--quiet", str(outside(clone)), cwd=clone)
    git("add", "--all", cwd=outside(clone))
    git("commit", "--quiet", "--message", "theirs", cwd=outside(clone))
    allow = ("-c", "protocol.file.allow=always")
    git(*allow, "submodule", "add", "--quiet", str(outside(clone)), "src/sub", cwd=clone)


def replaces_directory(clone: Path) -> None:
    shutil.rmtree(clone / "src")
    (clone / "src").symlink_to(outside(clone))


def replaces_root(clone: Path) -> None:
    clone.rename(clone.with_name("moved"))
    clone.symlink_to(outside(clone))


def links_from_outside(clone: Path) -> None:
    (clone / TRAIN).unlink()
    os.link(outside(clone) / "precious.txt", clone / TRAIN)


def links_to_outside(clone: Path) -> None:
    os.link(clone / "prepare.sh", outside(clone) / "shared.sh")


def makes_many_files(clone: Path) -> None:
    for number in range(5000):
        (clone / f"src/{number}").touch()


def becomes_fifo(clone: Path) -> None:
    (clone / TRAIN).unlink()
    os.mkfifo(clone / TRAIN)


def closes_everything(clone: Path) -> None:
    for path in (clone / TRAIN, clone / "src/model.txt", clone / "src", clone):
        path.chmod(0)


CASES = [
    refused("out of scope", writes("README.md"), "It touches files out of scope: README.md"),
    refused("protected", writes("prepare.sh"), "It touches protected files: prepare.sh"),
    refused(
        "deletes a protected file",
        lambda clone: (clone / "prepare.sh").unlink(),
        "It touches protected files: prepare.sh",
    ),
    refused(
        "renames a protected file",
        lambda clone: (clone / "prepare.sh").rename(clone / "src/prepare.sh"),
        "It touches protected files: prepare.sh",
    ),
    refused(
        "renames out of scope",
        lambda clone: (clone / TRAIN).rename(clone / "other.sh"),
        "It touches files out of scope: other.sh",
    ),
    judged("commits by itself", commits),
    judged("rewrites history", rewrites_history),
    judged("leaves traps", leaves_traps),
    judged("deletes git", lambda clone: shutil.rmtree(clone / ".git")),
    judged("points git elsewhere", points_git_elsewhere),
    judged("ignored files", writes("src/__pycache__/model.pyc")),
    judged("an environment", writes(".venv/bin/python")),
    judged("writes a protected file as it was", writes("prepare.sh", FILES["prepare.sh"])),
    judged("shares a file with outside", links_to_outside),
    judged("is linked from outside", links_from_outside),
    refused("nested repository", makes_nested_repository, "src/inner is a nested repository"),
    refused("nested history", makes_nested_history, "src/inner is a nested repository"),
    refused("submodule", adds_submodule, "src/sub is a nested repository"),
    refused(
        "symlink",
        lambda clone: (clone / "src/link").symlink_to("/dev/zero"),
        "It makes symbolic links: src/link",
    ),
    refused("directory elsewhere", replaces_directory, "It touches files out of scope: src;"),
    refused("root elsewhere", replaces_root, "Its clone cannot be read: "),
    refused("case clash", writes("src/Model.TXT"), "src/model.txt and src/Model.TXT differ in"),
    refused(
        "no text",
        writes(os.fsdecode(b"src/\xff\xfe")),
        r"src/\\xff\\xfe has a name that is not UTF-8",
    ),
    refused("newline", writes("src/a\nb"), r"src/a\\nb has control characters in its name"),
    refused("git's twin", writes("src/.GIT/config"), "src/.GIT/config pretends to be git's own"),
    refused("huge", writes("src/big", "x" * (2**20 + 1)), "src/big has 1048577 bytes; at most"),
    refused("fifo", lambda clone: os.mkfifo(clone / "src/pipe"), "src/pipe is a special file"),
    refused("file made a fifo", becomes_fifo, f"{TRAIN} is a special file"),
    refused("many files", makes_many_files, "It touches 5000 files; at most 1000"),
    tied("executable", lambda clone: (clone / TRAIN).chmod(0o755)),
    tied("deletes an editable file", lambda clone: (clone / "src/model.txt").unlink()),
    tied("odd legal name", writes("src/-a \"b\" \\c 'd' é")),
    Case("deletes the program", lambda clone: (clone / TRAIN).unlink(), Verdict.CRASH, "It ended"),
    ineffective("nothing", Path.exists),
    ineffective("touches", lambda clone: (clone / TRAIN).touch()),
    ineffective("writes the same", writes(TRAIN, FILES[TRAIN])),
    ineffective("only ignored files", writes("src/__pycache__/model.pyc")),
    ineffective("ignores what it adds", writes("src/.gitignore", "*\n")),
    ineffective("an empty directory", lambda clone: (clone / "src/empty").mkdir()),
]
LONG = {
    *("deletes a protected file", "renames out of scope", "commits by itself", "deletes git"),
    *("an environment", "nested repository", "fifo", "touches", "writes the same"),
}


def every_case() -> Iterator[object]:
    for case in CASES:
        marks = pytest.mark.slow if case.name in LONG else ()
        yield pytest.param(case, id=case.name, marks=marks)


@dataclass(slots=True)
class Inspector:
    """A researcher's step that looks at its clone first and then makes a good proposal."""

    files: dict[str, str]
    status: str = ""
    history: int = 0
    hooks: bool = True

    def look(self, clone: Path) -> None:
        paths = git("ls-files", "-z", cwd=clone).decode().split("\0")[:-1]
        self.files = {path: (clone / path).read_text() for path in paths}
        self.status = git("status", "--porcelain", "--ignored", cwd=clone).decode()
        self.history = len(git("rev-list", "--all", cwd=clone).split())
        self.hooks = (clone / ".git/hooks").exists()
        (clone / TRAIN).write_text(BETTER)


@pytest.mark.parametrize("case", list(every_case()))
def test_odd_proposal(
    case: Case, study: TinyStudy, consistent: Callable[[TinyStudy], None]
) -> None:
    precious = outside(study.root) / "precious.txt"
    before = study.user_state()
    inspector = Inspector({})
    study.run([Step("odd", action=case.act), Step("good", action=inspector.look)])
    _, odd, good, _ = study.trials()
    assert odd.verdict is case.verdict, odd.reason
    assert re.match(case.reason, odd.reason), odd.reason
    assert good.verdict is Verdict.KEEP
    assert {**FILES, "overnight.toml": inspector.files["overnight.toml"]} == inspector.files
    assert (inspector.status, inspector.history, inspector.hooks) == ("", 1, False)
    assert precious.read_text() == WORSE
    assert not precious.with_name("trapped").exists()
    assert study.user_state() == before
    consistent(study)


def test_only_what_counts_is_committed(study: TinyStudy) -> None:
    def act(clone: Path) -> None:
        writes(TRAIN, BETTER)(clone)
        writes("src/__pycache__/model.pyc")(clone)
        writes("src/.venv/bin/python")(clone)
        writes("src/new.txt", "new\n")(clone)
        (clone / "src/model.txt").chmod(0o755)

    study.run([Step("several things", action=act)])
    names = study.git("diff", "--name-only", "HEAD", "overnight/tiny")
    assert names.splitlines() == ["src/model.txt", "src/new.txt", TRAIN]
    assert "100644 => 100755 src/model.txt" in study.git(
        "diff", "--summary", "HEAD..overnight/tiny"
    )
