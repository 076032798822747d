"""``overnight selftest``: researchers that cheat, on this very machine."""

import os
import sys
from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from overnight.cli.target import JsonOption
from overnight.errors import OvernightError, SandboxFailed
from overnight.report.jsons import to_json
from overnight.report.text import console
from overnight.sandbox.walls import refuse_where_impossible
from overnight.testing.cheats.catalogue import Case, all_cases
from overnight.testing.cheats.cheat import Ending
from overnight.testing.cheats.ground import Protection
from overnight.testing.cheats.night import CheatResult
from overnight.testing.cheats.runs import run_cheats
from overnight.testing.cheats.table import HEADER, row, verdict_of

_STYLES = {Ending.PREVENTED: "green", Ending.CAUGHT: "cyan"}
_INTERRUPTED = 130


def selftest(
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help="A cheat or a kind of cheats; repeatable."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="At a time. [default: processors]")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="A directory to leave every night in, to look at.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Let researchers cheat in small real nights, and show that none gets anything for it.

    Each cheats in its first trial, in the sandbox, against a small training study; an honest
    trial follows. A cheat is `prevented` when it has no effect, and `caught` when its verdict
    names it or a checkpoint takes it back. Checked as well: that the user's files, the record, the
    hold-out and the next trial are untouched. Everything happens in temporary directories.
    The exit code is 1 when anything ended otherwise than it should.

    With `--json` one object: ok, sandbox (null, or why there is none), endings (counts), and
    cheats, each with name, kind, layout, tries, ending, verdict, by, reason, problems, expected
    (whether it ended as it should) and duration_s.

    Examples:

        overnight selftest

        overnight selftest --only report --only masked-units

        overnight selftest --json | jq '.cheats[] | select(.expected | not)'
    """
    chosen = _chosen(only or [])
    problem = _sandbox_problem()
    possible = chosen if problem is None else [case for case in chosen if not case.cheat.confined]
    try:
        results = _run(possible, jobs or os.cpu_count() or 1, keep, confined=problem is None)
    except KeyboardInterrupt:
        typer.echo("Stopped.", err=True)
        sys.exit(_INTERRUPTED)
    left_out = len(chosen) - len(possible)
    if as_json:
        typer.echo(to_json(_facts(results, problem), indent=2))
    else:
        _print(console(), results, problem, left_out=left_out)
    if not all(result.is_expected for result in results):
        sys.exit(1)


def _chosen(names: Sequence[str]) -> list[Case]:
    """The cases that are asked for; all where nothing is.

    Raises:
        OvernightError: A name means none of them.
    """
    cases = all_cases()
    known = {case.name for case in cases} | {case.group for case in cases}
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            kinds = ", ".join(sorted({case.group for case in cases}))
            fix = f"Did you mean {close[0]!r}?" if close else f"Kinds are {kinds}."
            raise OvernightError(f"There is no cheat and no kind called {name!r}.", fix=fix)
    return [case for case in cases if not names or {case.name, case.group} & set(names)]


def _sandbox_problem() -> str | None:
    try:
        refuse_where_impossible()
    except SandboxFailed as error:
        return str(error)
    return None


def _run(
    cases: Sequence[Case], jobs: int, keep: Path | None, *, confined: bool
) -> list[CheatResult]:
    """Run them, with a line on the terminal that tells how far it is."""
    progress = Console(stderr=True)
    done = Counter[bool]()
    with progress.status(f"0 of {len(cases)}") as status:

        def tell(result: CheatResult) -> None:
            done[result.is_expected] += 1
            status.update(f"{done.total()} of {len(cases)}: {result.case}")

        return run_cheats(
            cases,
            jobs=jobs,
            keep=keep,
            protection=Protection.FULL if confined else Protection.NO_SANDBOX,
            on_done=tell,
        )


def _print(
    out: Console, results: Sequence[CheatResult], problem: str | None, *, left_out: int
) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for name in HEADER:
        table.add_column(name, overflow="fold")
    for result in results:
        cells = [Text(cell) for cell in row(result)]
        cells[3].stylize(_STYLES[result.ending] if result.is_expected else "bold red")
        table.add_row(*cells)
    out.print(table)
    out.print(_summary(results))
    if problem is not None:
        told = f"There is no sandbox here: {problem} {left_out} cheats that need one were left out."
        out.print(Text(told, style="yellow"))


def _summary(results: Sequence[CheatResult]) -> Text:
    counts = Counter(result.ending for result in results)
    told = ", ".join(f"{count} {ending}" for ending, count in sorted(counts.items()))
    wrong = [str(result.case) for result in results if not result.is_expected]
    summary = Text(f"\n{len(results)} cheats: {told}.")
    return summary.append(f" Not as it should be: {', '.join(wrong)}." if wrong else "")


def _facts(results: Sequence[CheatResult], problem: str | None) -> dict[str, object]:
    counts = Counter(result.ending for result in results)
    return {
        "ok": all(result.is_expected for result in results),
        "sandbox": problem,
        "endings": {ending.value: counts[ending] for ending in Ending},
        "cheats": [_result_facts(result) for result in results],
    }


def _result_facts(result: CheatResult) -> dict[str, object]:
    case = result.case
    return {
        "name": case.name,
        "kind": case.group,
        "layout": case.layout.value,
        "tries": case.tries,
        "ending": result.ending.value,
        "verdict": verdict_of(result),
        "by": result.by,
        "reason": result.reason,
        "problems": list(result.problems),
        "expected": result.is_expected,
        "duration_s": result.duration_s,
    }
