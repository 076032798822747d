"""Tiny study repositories: to test a researcher, or the harness, without a model or a GPU.

The measured command is ``sh train.sh`` and takes milliseconds, so a whole night fits a unit test.
There is no sandbox, no checkpoint and no pause, unless a test asks for one::

    study = make_study(tmp_path / "study")
    end = study.run([Step("a better value", edits={"train.sh": prints(0.9)})])
    assert end.incumbent is not None
    assert end.incumbent.value == 0.9
    assert contradictions(study.load()) == []

Set ``OVERNIGHT_WORK`` to a temporary directory to keep the clones out of the user's cache.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overnight.config import STUDY_FILE, Study, load_study
from overnight.layout import STATE_DIR, Layout
from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import RunRecord, TrialRecord
from overnight.night import NightEnd, run_night
from overnight.progress import Silent, Watcher
from overnight.researchers.base import Researcher
from overnight.researchers.scripted import Scripted, Step
from overnight.workspace.git import git

METRIC = "val_loss"
TRAIN = "train.sh"


def prints(value: object, *, metric: str = METRIC) -> str:
    """A ``train.sh`` that reports a value of the metric."""
    return f"echo '{metric}: {value}'\n"


FILES: Mapping[str, str] = {
    TRAIN: prints(1.0),
    "prepare.sh": "echo ready\n",
    "src/model.txt": "width = 8\n",
    "README.md": "A tiny study.\n",
    ".gitignore": "__pycache__/\n.venv/\n*.log\n",
}
SETTINGS: Mapping[str, Any] = {
    "name": "tiny",
    "metric": {"name": METRIC},
    "scope": {"editable": [TRAIN, "src/**"], "protected": ["prepare.sh"]},
    "measure": {"command": f"sh {TRAIN}", "deadline": "30s"},
    "researcher": {"kind": "scripted", "options": {"steps": []}},
    "sandbox": {"kind": "none"},
    "checkpoint": {"every_trials": 0, "at_end": False},
    "watch": {"pause": False, "least_disk_gb": 0},
}


class Listener(Silent):
    """A watcher that keeps what it was told to say."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        """Keep a message."""
        self.said.append(message)


@dataclass(frozen=True, slots=True)
class UserState:
    """Everything of a repository that is the user's, which no night may change."""

    head: bytes
    refs: tuple[str, ...]
    index: bytes
    config: bytes
    hooks: tuple[str, ...]
    files: Mapping[str, bytes]


class TinyStudy:
    """A study repository that a test owns.

    Args:
        root: The repository's top.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.layout = Layout(root)

    def load(self) -> Study:
        """The study as its file now states it."""
        return load_study(self.root)

    def run(
        self, proposals: Researcher | Sequence[Step] = (), *, watcher: Watcher | None = None
    ) -> NightEnd:
        """Run a night; a script is gone on with where an earlier night left it."""
        researcher = Scripted(proposals) if isinstance(proposals, Sequence) else proposals
        return run_night(self.load(), watcher or Silent(), researcher=researcher)

    def trials(self) -> list[TrialRecord]:
        """Every trial, the baseline first."""
        with closing(LedgerReader(self.layout.ledger)) as reader:
            return reader.trials()

    def runs(self, trial: int) -> list[RunRecord]:
        """The executions of the measured command for a trial."""
        with closing(LedgerReader(self.layout.ledger)) as reader:
            return reader.runs(trial)

    def git(self, *arguments: str) -> str:
        """What git says in the repository."""
        return git(*arguments, cwd=self.root).decode(errors="surrogateescape").strip()

    def commit(self, files: Mapping[str, str], *, message: str = "A change") -> str:
        """Write some files and commit all, as a user would; returns the commit."""
        for path, content in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(content, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def configure(self, **tables: Any) -> None:
        """Write the study file anew with some settings changed; it is not committed."""
        (self.root / STUDY_FILE).write_text(_toml(_merged(SETTINGS, tables)), encoding="utf-8")

    def user_state(self) -> UserState:
        """What must be the same before and after a night."""
        git_dir = Path(self.git("rev-parse", "--absolute-git-dir"))
        common = Path(self.git("rev-parse", "--path-format=absolute", "--git-common-dir"))
        refs = self.git("for-each-ref", "refs/heads", "refs/tags", "refs/stash").splitlines()
        hooks = common / "hooks"
        return UserState(
            head=(git_dir / "HEAD").read_bytes(),
            refs=tuple(ref for ref in refs if "\trefs/heads/overnight/" not in ref),
            index=(git_dir / "index").read_bytes(),
            config=(common / "config").read_bytes(),
            hooks=tuple(sorted(path.name for path in hooks.iterdir())) if hooks.is_dir() else (),
            files=dict(_files(self.root)),
        )


def make_study(
    directory: Path, *, files: Mapping[str, str] | None = None, **tables: Any
) -> TinyStudy:
    """Make a study repository with one commit in an absent or empty directory.

    Args:
        files: Added to `FILES`, or in place of them.
        tables: Added to the `SETTINGS` of the study file, or in place of them, table by table:
            ``measure={"deadline": "1s"}`` leaves the measured command as it is.
    """
    directory.mkdir(parents=True, exist_ok=True)
    git("init", "--quiet", cwd=directory)
    study = TinyStudy(directory)
    study.configure(**tables)
    study.commit({**FILES, **(files or {})}, message="The start")
    return study


def _files(root: Path) -> Iterator[tuple[str, bytes]]:
    """What stands in a working tree, git's and our own directories left out."""
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        if name.parts[0] not in (".git", STATE_DIR) and path.is_file():
            yield str(name), path.read_bytes()


def _merged(tables: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(tables)
    for name, change in changes.items():
        old = merged.get(name)
        merged[name] = {**old, **change} if isinstance(old, Mapping) else change
    return merged


def _toml(tables: Mapping[str, Any]) -> str:
    return "".join(f"{name} = {_toml_value(value)}\n" for name, value in tables.items())


def _toml_value(value: Any) -> str:
    """A value on one line; strings, numbers and booleans are written as in JSON."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{json.dumps(key)} = {_toml_value(it)}" for key, it in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml_value, value))}]"
    return json.dumps(value)
