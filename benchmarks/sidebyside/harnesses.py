"""overnight and its peer behind one interface: prepare a repository once, then run trials in it."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from sidebyside.workload import EDITED, METRIC, Programs, commit_all

PEER = "labloop==1.0.5"
BUILD = Path(__file__).resolve().parents[2] / "build"
DEADLINE_S = 60
LEDGER = "labloop.jsonl"

_BARE = '[sandbox]\nkind = "none"\n\n[drift]\nwatch = false\n'
_GUARDED = '[sandbox]\nkind = "bubblewrap"\nwrite = [{}]\n\n[drift]\nresponses = []\n'


class Harness(Protocol):
    """A harness at work on one repository.

    Attributes:
        name: What tables call it.
        programs: Its researcher and its measured command.
        root: The repository.
    """

    name: str
    programs: Programs
    root: Path

    def begin(self) -> None:
        """Make the repository ready and measure the unmodified start."""

    def run(self, trials: int) -> None:
        """Take so many trials to their verdicts, in one process."""


class Overnight:
    """This project, from the environment that runs the benchmark.

    Args:
        work: Where it makes its clones and checkouts.
        guarded: Whether its sandbox is on and drift is watched for; the peer has neither here.
    """

    def __init__(
        self, root: Path, programs: Programs, *, work: Path, guarded: bool = False
    ) -> None:
        self.name = "overnight guarded" if guarded else "overnight"
        self.root = root
        self.programs = programs
        self._guards = _GUARDED.format(_toml(str(programs.marks.parent))) if guarded else _BARE
        self._environment = {**os.environ, "OVERNIGHT_WORK": str(work)}

    def begin(self) -> None:
        """Write and commit the study file, and measure the baseline and one trial."""
        self.write_study()
        self.run(1)
        self.programs.marks.unlink()

    def write_study(self) -> None:
        """Write and commit the study file."""
        (self.root / "overnight.toml").write_text(
            f'name = "bench"\n\n[metric]\nname = "{METRIC}"\ngoal = "maximize"\n\n'
            f'[scope]\neditable = ["{EDITED}"]\n\n'
            f"[measure]\ncommand = {_toml(self.programs.run)}\ndeadline = {DEADLINE_S}\n\n"
            '[researcher]\nkind = "command"\n\n'
            f"[researcher.options]\ncommand = {_toml(self.programs.propose)}\n\n"
            f"[checkpoint]\nevery_trials = 0\nat_end = false\n\n{self._guards}",
            encoding="utf-8",
        )
        commit_all(self.root)

    def run(self, trials: int) -> None:
        """One night of so many trials."""
        program = Path(sys.executable).with_name("overnight")
        _call((str(program), "run", "--plain", "--trials", str(trials)), self)

    @property
    def environment(self) -> Mapping[str, str]:
        """What its process is given."""
        return self._environment


class Labloop:
    """The peer, pinned, from an environment of its own; without its sandbox, as ours runs."""

    name = "labloop"

    def __init__(self, root: Path, programs: Programs) -> None:
        self.root = root
        self.programs = programs
        self._program = str(peer_bin() / "labloop")

    def begin(self) -> None:
        """Measure the baseline and one trial; git ignores the ledger, as its manual asks."""
        (self.root / ".gitignore").write_text(f"{LEDGER}*\n", encoding="utf-8")
        commit_all(self.root)
        _call((self._program, "baseline", *self._experiment()), self)
        self.run(1)
        self.programs.marks.unlink()

    def run(self, trials: int) -> None:
        """So many trials."""
        researcher = ("--propose", self.programs.propose, "--sandbox", "none")
        count = ("--trials", str(trials))
        _call((self._program, "run", *self._experiment(), *researcher, *count), self)

    @property
    def environment(self) -> Mapping[str, str]:
        """What its process is given."""
        return os.environ

    def _experiment(self) -> tuple[str, ...]:
        goal = ("--metric", METRIC, "--goal", "maximize", "--budget", str(DEADLINE_S))
        return ("--run", self.programs.run, *goal)


class _Callable(Harness, Protocol):
    @property
    def environment(self) -> Mapping[str, str]: ...


def peer_bin() -> Path:
    """The programs of the peer's own virtual environment, made on first use."""
    home = BUILD / f"peer-{PEER.replace('==', '-')}"
    ready = home / ".ready"
    if not ready.exists():
        say(f"installing {PEER} into {home.relative_to(BUILD.parent)}")
        subprocess.run((sys.executable, "-m", "venv", "--clear", home), check=True)
        pip = (home / "bin/python", "-m", "pip", "install", "--quiet")
        unconstrained = {k: v for k, v in os.environ.items() if k != "PIP_CONSTRAINT"}
        subprocess.run((*pip, PEER), check=True, env=unconstrained)
        ready.touch()
    return home / "bin"


def say(message: str) -> None:
    """Tell of progress."""
    print(message, file=sys.stderr, flush=True)


def _call(command: Sequence[str], harness: _Callable) -> None:
    done = subprocess.run(
        command,
        cwd=harness.root,
        env=harness.environment,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(
            f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )


def _toml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
