"""How long the device waits between two measured commands, beside labloop 1.0.5.

Researcher and measured command do next to nothing and note when they began and ended; what lies
between is the harness's. Both harnesses run the same programs in turns.

Run it: ``python benchmarks/turnaround.py`` or, for a smoke run, ``--quick``.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sidebyside.figures import Comparison, Side, table
from sidebyside.harnesses import Harness, Labloop, Overnight, say
from sidebyside.history import lengthen_labloop, lengthen_overnight
from sidebyside.workload import Gap, make_repository, take_gaps, write_programs


@dataclass(frozen=True)
class Case:
    """A repository, a measured command, and how often it is run.

    Attributes:
        kept: Whether every trial is kept; otherwise every one is discarded.
        earlier: Trials that a second pair of harnesses has behind it.
        trials: Per round and harness.
        bar: Of ours over the peer's; where there is a second pair, of ours over its own first.
        guarded: Whether a third harness, ours in its sandbox and watching for drift, takes part.
    """

    name: str
    files: int = 3
    command: str = ":"
    kept: bool = False
    earlier: int = 0
    trials: int = 25
    rounds: int = 6
    bar: float = 1.0
    guarded: bool = False


BIG = Case("20,000 files, 2 s", files=20_000, command="sleep 2", trials=6, rounds=3)
CASES = (
    Case("tiny, discarded", guarded=True),
    Case("tiny, kept", kept=True),
    replace(BIG, name=f"{BIG.name}, discarded"),
    replace(BIG, name=f"{BIG.name}, kept", kept=True),
    Case("5,000 earlier trials", earlier=5_000, trials=15, rounds=4, bar=1.2),
)


def measure(*, quick: bool = False, only: Sequence[str] = ()) -> list[Comparison]:
    """Run the cases whose names contain one of the words; all of them without words."""
    cases = [case for case in CASES if not only or any(word in case.name for word in only)]
    if quick:
        cases = [
            replace(
                case,
                files=min(case.files, 200),
                command=case.command.replace("2", "0.1"),
                earlier=min(case.earlier, 50),
                trials=4,
                rounds=2,
            )
            for case in cases
        ]
    found: list[Comparison] = []
    for case in cases:
        found += _compare(case)
        say(table(found))
    return found


def _compare(case: Case) -> Iterator[Comparison]:
    with tempfile.TemporaryDirectory(prefix="overnight-bench-") as name:
        makers: list[Callable[[Path, Case], Harness]] = [_overnight, _labloop]
        makers += [_guarded] if case.guarded else []
        histories = [0, case.earlier] if case.earlier else [0]
        labels = [(maker, earlier) for earlier in histories for maker in makers]
        harnesses = []
        for number, (maker, earlier) in enumerate(labels):
            say(f"{case.name}: preparing {number + 1} of {len(labels)}")
            harnesses.append(maker(Path(name) / str(number), replace(case, earlier=earlier)))
        gaps = _take_turns(case, harnesses)
    ours, theirs = gaps[:2]
    name = "no earlier trials" if case.earlier else case.name
    yield _comparison(f"{name}: gap", ours, theirs, bar=None if case.earlier else case.bar)
    yield _comparison(f"{name}: gap less propose", ours, theirs, whole=False)
    if case.guarded:
        yield _comparison(f"{case.name}, with all guards: gap", gaps[2], ours)
    if case.earlier:
        yield _comparison(f"{case.name} / none: gap", gaps[2], ours, bar=case.bar)
        yield _comparison(f"{case.name} / none: gap", gaps[3], theirs)
        yield _comparison(f"{case.name}, both: gap", gaps[2], gaps[3])


@dataclass(frozen=True)
class _Taken:
    name: str
    rounds: Sequence[Sequence[Gap]]


def _take_turns(case: Case, harnesses: Sequence[Harness]) -> list[_Taken]:
    rounds: list[list[list[Gap]]] = [[] for _ in harnesses]
    for number in range(case.rounds):
        say(f"{case.name}: round {number + 1} of {case.rounds}")
        for harness, taken in zip(harnesses, rounds, strict=True):
            harness.run(case.trials)
            taken.append(take_gaps(harness.programs.marks))
    return [_Taken(h.name, taken) for h, taken in zip(harnesses, rounds, strict=True)]


def _comparison(
    name: str, side: _Taken, reference: _Taken, *, whole: bool = True, bar: float | None = None
) -> Comparison:
    first, second = (
        Side(taken.name, [[_ms(gap, whole) for gap in gaps] for gaps in taken.rounds])
        for taken in (side, reference)
    )
    return Comparison(name, "ms", first, second, bar)


def _ms(gap: Gap, whole: bool) -> float:
    return 1000 * (gap.whole_s if whole else gap.harness_s)


def _overnight(directory: Path, case: Case, *, guarded: bool = False) -> Harness:
    make_repository(directory / "repository", files=case.files)
    programs = write_programs(directory / "programs", command=case.command, kept=case.kept)
    work = directory / "work"
    harness = Overnight(directory / "repository", programs, work=work, guarded=guarded)
    harness.begin()
    if case.earlier:
        lengthen_overnight(harness, case.earlier)
    return harness


def _guarded(directory: Path, case: Case) -> Harness:
    return _overnight(directory, case, guarded=True)


def _labloop(directory: Path, case: Case) -> Harness:
    make_repository(directory / "repository", files=case.files)
    programs = write_programs(directory / "programs", command=case.command, kept=case.kept)
    harness = Labloop(directory / "repository", programs)
    harness.begin()
    if case.earlier:
        lengthen_labloop(harness, case.earlier)
    return harness


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run of every case")
    parser.add_argument("--only", nargs="*", default=(), help="cases whose name contains a word")
    arguments = parser.parse_args()
    print(table(measure(quick=arguments.quick, only=arguments.only)))


if __name__ == "__main__":
    main()
