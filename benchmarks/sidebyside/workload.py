"""The repositories and programs that both harnesses are given.

The programs are lines of shell that note when they began and ended, in nanoseconds, in a file
outside of the repository: what lies between the end of one measured command and the start of the
next is the harness's, whatever either harness says of itself.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from shlex import quote

EDITED = "train.txt"
FILES_PER_DIRECTORY = 100
METRIC = "score"
MARKS = "marks"


@dataclass(frozen=True)
class Programs:
    """The same two shell commands for every harness.

    Attributes:
        propose: Changes one file by a few bytes, never the same twice.
        run: The measured command; prints `score: <value>`.
        marks: Where both note when they ran.
    """

    propose: str
    run: str
    marks: Path


@dataclass(frozen=True)
class Gap:
    """From the end of one measured command to the start of the next.

    Attributes:
        propose_s: The part of it that the researcher's own program took.
    """

    whole_s: float
    propose_s: float

    @property
    def harness_s(self) -> float:
        """The part that the harness took."""
        return self.whole_s - self.propose_s


def write_programs(directory: Path, *, command: str = ":", kept: bool = False) -> Programs:
    """Write the two programs.

    Args:
        command: What the measured command does between its marks.
        kept: Whether each trial beats all earlier ones; otherwise none does.
    """
    directory.mkdir(parents=True)
    marks = directory / MARKS
    propose, run = directory / "propose.sh", directory / "run.sh"
    note = f"%s%N >>{quote(str(marks))}"
    propose.write_text(
        f"start=$(date +%s%N)\necho $start >{EDITED}\ndate +propose\\ $start\\ {note}\n",
        encoding="utf-8",
    )
    value = "$start" if kept else "1"
    run.write_text(
        f"start=$(date +%s%N)\n{command}\necho {METRIC}: {value}\ndate +run\\ $start\\ {note}\n",
        encoding="utf-8",
    )
    return Programs(f"sh {quote(str(propose))}", f"sh {quote(str(run))}", marks)


def take_gaps(marks: Path) -> list[Gap]:
    """The gaps between the measured commands noted since the last call; forgets them."""
    lines = marks.read_text(encoding="utf-8").split("\n")[:-1]
    marks.unlink()
    return read_gaps(lines)


def take_durations_s(marks: Path) -> list[float]:
    """How long each measured command noted since the last call took; forgets them."""
    lines = [line.split() for line in marks.read_text(encoding="utf-8").splitlines()]
    marks.unlink()
    return [(int(end) - int(start)) / 1e9 for name, start, end in lines if name == "run"]


def read_gaps(lines: Sequence[str]) -> list[Gap]:
    """Each run that follows a run with one proposal between them, as a gap.

    Raises:
        ValueError: The marks tell of another order of programs.
    """
    names = [line.split()[0] for line in lines]
    times = [tuple(int(part) / 1e9 for part in line.split()[1:]) for line in lines]
    runs = [index for index, name in enumerate(names) if name == "run"]
    gaps = []
    for before, after in pairwise(runs):
        if after - before != 2:
            raise ValueError(f"not run, propose, run: {names[before : after + 1]}")
        start, end = times[before + 1]
        gaps.append(Gap(times[after][0] - times[before][1], end - start))
    return gaps


def make_repository(root: Path, *, files: int = 3) -> None:
    """A repository of small files with one commit."""
    root.mkdir(parents=True)
    (root / EDITED).write_text("0\n", encoding="utf-8")
    for number in range(files - 1):
        path = root / f"data/{number // FILES_PER_DIRECTORY:03d}/{number:05d}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{number}\n" * 20, encoding="utf-8")
    git(root, "init", "--quiet")
    git(root, "config", "user.name", "bench")
    git(root, "config", "user.email", "bench@localhost")
    commit_all(root)


def commit_all(root: Path) -> None:
    """Commit everything that lies in the working tree."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "start")


def git(root: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    """Run git in a repository."""
    return subprocess.run(
        ("git", *arguments), cwd=root, input=stdin, check=True, capture_output=True
    ).stdout
