"""Whether a command takes as long inside a harness as it does bare, beside labloop 1.0.5.

The measured command notes when it begins and ends, so the harness's own work before and after does
not count; what does is what it makes of the command's surroundings: a cold bytecode cache, a busy
neighbour. Bare, ours and the peer take turns.

Run it: ``python benchmarks/fidelity.py`` or, for a smoke run, ``--quick``.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote

from sidebyside.figures import Comparison, Side, table
from sidebyside.harnesses import Harness, Labloop, Overnight, say
from sidebyside.workload import Programs, make_repository, take_durations_s, write_programs

BAR = 1.02


@dataclass(frozen=True)
class Program:
    """Something to time.

    Attributes:
        trials: Per round and side; few, so that the sides meet the same weather.
    """

    name: str
    code: str
    rounds: int
    trials: int


PROGRAMS = (
    Program("start of python", "pass", 10, 8),
    Program("import pandas", "import pandas", 8, 2),
    Program("CPU loop of about 1 s", "print(sum(n * n % 7 for n in range(10_000_000)))", 8, 2),
)


class Bare:
    """No harness: the same measured command, started by a plain subprocess."""

    name = "bare"

    def __init__(self, root: Path, programs: Programs) -> None:
        self.root = root
        self.programs = programs

    def begin(self) -> None:
        """Run the command once, as the others do."""
        self.run(1)
        self.programs.marks.unlink()

    def run(self, trials: int) -> None:
        """Run the command so many times."""
        for _ in range(trials):
            command = ("/bin/sh", "-c", self.programs.run)
            subprocess.run(command, cwd=self.root, check=True, capture_output=True)


def measure(*, quick: bool = False) -> list[Comparison]:
    """Time every program."""
    programs = [replace(program, rounds=2) if quick else program for program in PROGRAMS]
    return [found for program in programs for found in _compare(program)]


def _compare(program: Program) -> Iterator[Comparison]:
    command = f"{quote(sys.executable)} -c {quote(program.code)}"
    makers: tuple[Callable[[Path, Programs], Harness], ...] = (Bare, _overnight, Labloop)
    with tempfile.TemporaryDirectory(prefix="overnight-bench-") as name:
        sides = []
        for number, maker in enumerate(makers):
            directory = Path(name) / str(number)
            make_repository(directory / "repository")
            programs = write_programs(directory / "programs", command=command)
            sides.append(maker(directory / "repository", programs))
            sides[-1].begin()
        taken: list[list[list[float]]] = [[] for _ in sides]
        for number in range(program.rounds):
            say(f"{program.name}: round {number + 1} of {program.rounds}")
            for side, samples in zip(sides, taken, strict=True):
                side.run(program.trials)
                samples.append([1000 * s for s in take_durations_s(side.programs.marks)])
    bare, ours, theirs = (Side(s.name, samples) for s, samples in zip(sides, taken, strict=True))
    yield Comparison(f"{program.name}: median", "ms", ours, bare)
    yield Comparison(f"{program.name}: fastest", "ms", _fastest(ours), _fastest(bare), BAR)
    yield Comparison(f"{program.name}: median", "ms", theirs, bare)
    yield Comparison(f"{program.name}: fastest", "ms", _fastest(theirs), _fastest(bare))


def _fastest(side: Side) -> Side:
    return Side(side.name, [[min(sample for samples in side.rounds for sample in samples)]])


def _overnight(root: Path, programs: Programs) -> Harness:
    return Overnight(root, programs, work=root.with_name("work"))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run of every program")
    print(table(measure(quick=parser.parse_args().quick)))


if __name__ == "__main__":
    main()
