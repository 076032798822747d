"""``overnight doctor``: proves the machine before the night."""

import signal
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from overnight.brief import one_line
from overnight.cli.target import JsonOption, StudyOption, find_study
from overnight.config import STUDY_FILE
from overnight.doctor import (
    CHECKS,
    Check,
    Diagnosis,
    Examination,
    Group,
    Result,
    Status,
    Wishes,
    admitted,
    select,
)
from overnight.durations import format_duration
from overnight.report.jsons import to_json
from overnight.report.text import console

_MARKS = {  # the sign, what stands for it where there is no such sign, and the colour
    Status.OK: ("✓", "+", "green"),
    Status.WARNING: ("!", "!", "yellow"),
    Status.FAILED: ("✗", "x", "bold red"),
    Status.SKIPPED: ("·", "-", "dim"),
}
_MOST_CHARACTERS = 1000
_INTERRUPTED = 130


def doctor(
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help="A check or a group; repeatable."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out setup and measurement.")
    ] = False,
    call: Annotated[
        bool, typer.Option("--call", help="Allow one tiny call of the agent, which may cost.")
    ] = False,
    notify: Annotated[bool, typer.Option("--notify", help="Send a test message.")] = False,
    repeat: Annotated[
        int, typer.Option(min=1, max=100, help="Measure the baseline so often, for its noise.")
    ] = 1,
    list_checks: Annotated[
        bool, typer.Option("--list", help="Say what is examined, and end.")
    ] = False,
    as_json: JsonOption = False,
    study: StudyOption = Path(),
) -> None:
    """Prove the machine before the night, inside the sandbox that the night will use.

    Each failure names its cause and the exact fix. Nothing of the repository is changed, no
    ledger is made, and nothing is left behind. The exit code is 0 when a night can begin, also
    with warnings, and 1 when something failed.

    With `--json` one object: study (the file), ok, counts by status, duration_s, and checks, each
    with name, group, status, finding, fix, details and duration_s.

    Examples:

        overnight doctor

        overnight doctor --call --notify --repeat 3

        overnight doctor --only gpu --only sandbox.hides

        overnight doctor --json | jq -r '.checks[] | select(.status == "failed") | .fix'
    """
    if list_checks:
        _print_list(CHECKS, as_json=as_json)
        return
    chosen = select(only or (), quick=quick)
    wishes = Wishes(quick=quick, call=call, notify=notify, repeat=repeat)
    file = _study_file(study)
    out = console()
    try:
        with _signals_interrupt(), admitted(file, wishes) as patient:
            examination = Examination(patient)
            making = map(examination.make, chosen)
            found = list(making if as_json else _shown(out, chosen, examination))
    except KeyboardInterrupt:
        typer.echo("Stopped; nothing is left behind.", err=True)
        sys.exit(_INTERRUPTED)
    if as_json:
        typer.echo(to_json(_facts(file, found), indent=2))
    else:
        out.print(_summary(found, quick=quick))
    if any(diagnosis.is_bad for diagnosis in found):
        sys.exit(1)


def _study_file(study: Path) -> Path:
    return study.absolute() if study.is_file() else find_study(study).root / STUDY_FILE


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Let a hang-up, unless it is to be ignored, or SIGTERM end it all as Ctrl-C does."""
    heard = [
        number
        for number in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN
    ]
    before = {number: signal.signal(number, signal.default_int_handler) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _shown(out: Console, chosen: Sequence[Check], examination: Examination) -> Iterator[Diagnosis]:
    """Make the checks, each shown when it is done, under its group's name."""
    group: Group | None = None
    for check in chosen:
        if check.group is not group:
            group = check.group
            out.print(Text(group, style="bold"))
        with out.status(Text(f"{check.name}: {check.purpose}", style="dim")):
            diagnosis = examination.make(check)
        _print(out, diagnosis)
        yield diagnosis


def _print(out: Console, diagnosis: Diagnosis) -> None:
    result, check = diagnosis.result, diagnosis.check
    grid = Table.grid(padding=(0, 1))
    for width in (3, 8, 18):
        grid.add_column(width=width, no_wrap=True, justify="left")
    grid.add_column(overflow="fold")
    style = _MARKS[result.status][2]
    mark = Text(f"  {_sign(out, result.status)}", style=style)
    finding = Text(_line(result.finding), style="dim" if result.status is Status.SKIPPED else "")
    name = check.name.removeprefix(f"{check.group}.")
    grid.add_row(mark, Text(result.status, style=style), Text(name), finding)
    if result.fix:
        grid.add_row("", "", "", Text(f"Fix: {_line(result.fix)}", style="cyan"))
    for detail in result.details if result.status is not Status.OK else ():
        grid.add_row("", "", "", Text(f"| {_line(detail)}", style="dim"))
    out.print(grid)


def _sign(out: Console, status: Status) -> str:
    sign, plain, _ = _MARKS[status]
    return sign if out.encoding.lower().startswith("utf") else plain


def _line(text: str) -> str:
    """A sentence as one line; it may quote what a program wrote, escapes and all."""
    return one_line(text, most_characters=_MOST_CHARACTERS)


def _summary(found: Sequence[Diagnosis], *, quick: bool) -> Text:
    counts = Counter(diagnosis.result.status for diagnosis in found)
    parts = [
        Text(_counted(counts[status], status), style=_MARKS[status][2])
        for status in Status
        if counts[status]
    ]
    took = format_duration(sum(diagnosis.duration_s for diagnosis in found))
    end = "Mend what failed before the night." if counts[Status.FAILED] else "A night can begin."
    end += " Setup and measurement were left out." if quick else ""
    return Text("\n").append(Text(", ").join(parts)).append(f" in {took}. {end}")


def _counted(count: int, status: Status) -> str:
    return f"{count} {status}{'s' if status is Status.WARNING and count > 1 else ''}"


def _facts(file: Path, found: Sequence[Diagnosis]) -> dict[str, object]:
    counts = Counter(diagnosis.result.status for diagnosis in found)
    return {
        "study": str(file),
        "ok": not counts[Status.FAILED],
        "counts": {status.value: counts[status] for status in Status},
        "duration_s": sum(diagnosis.duration_s for diagnosis in found),
        "checks": [
            {
                "name": diagnosis.check.name,
                "group": diagnosis.check.group.value,
                **_result_facts(diagnosis.result),
                "duration_s": diagnosis.duration_s,
            }
            for diagnosis in found
        ],
    }


def _result_facts(result: Result) -> dict[str, object]:
    return {
        "status": result.status.value,
        "finding": result.finding,
        "fix": result.fix,
        "details": list(result.details),
    }


def _print_list(known: Sequence[Check], *, as_json: bool) -> None:
    if as_json:
        facts = [
            {"name": it.name, "group": it.group.value, "purpose": it.purpose, "slow": it.slow}
            for it in known
        ]
        typer.echo(to_json(facts, indent=2))
        return
    width = max(len(check.name) for check in known)
    for check in known:
        typer.echo(f"{check.name:{width}}  {check.purpose}{' (slow)' if check.slow else ''}")
