"""``overnight compare``: researchers against each other, fairly."""

import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from overnight.arms import named, parse_arm, with_control, with_itself
from overnight.beginning import unfinished
from overnight.cli.display import show
from overnight.cli.target import JsonOption, reading
from overnight.compare.analysis import Comparison, analyse
from overnight.compare.jsons import comparison_json
from overnight.compare.schedules import Order
from overnight.compare.text import comparison_lines
from overnight.comparison import ComparisonEnd, run_comparison
from overnight.config import BudgetTable, CompareTable, Study, load_study
from overnight.config.explain import explain
from overnight.contests import contest_of
from overnight.errors import OvernightError, StudyFileError
from overnight.layout import Layout
from overnight.ledger.store import Ledger
from overnight.lock import hold
from overnight.report.comparison_picture import write_comparison
from overnight.report.files import write_atomically
from overnight.report.jsons import to_json
from overnight.workspace.repository import Repository


def compare(
    study: Annotated[
        Path, typer.Option("--study", "-s", help="Study file, or the directory that holds it.")
    ] = Path(),
    arm: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND[:MODEL]", help="A researcher; repeatable."),
    ] = None,
    hours: Annotated[float | None, typer.Option(min=0.0, help="Each arm's time at work.")] = None,
    device_hours: Annotated[
        float | None, typer.Option(min=0.0, help="Each arm's time of measuring.")
    ] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Each arm's trials.")] = None,
    tokens: Annotated[int | None, typer.Option(min=1, help="Each arm's agent tokens.")] = None,
    money: Annotated[float | None, typer.Option(min=0.0, help="Each arm's US dollars.")] = None,
    order: Annotated[Order | None, typer.Option(help="How arms take turns.")] = None,
    device: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GPU|cpu:0-3", help="For --order parallel; repeatable. Left out: free GPUs."
        ),
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(min=1, help="Nights of each arm, each from the baseline.")
    ] = None,
    runs: Annotated[
        int | None, typer.Option(min=2, help="Runs of each result and the baseline at the end.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the order of turns.")] = None,
    control: Annotated[
        bool, typer.Option("--control", help="Add tune, which needs no model.")
    ] = False,
    aa: Annotated[
        bool, typer.Option("--aa", help="The first arm against itself: what chance gives here.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the comparison that is not finished.")
    ] = False,
    abandon: Annotated[
        bool, typer.Option("--abandon", help="End it as it is; its trials stay recorded.")
    ] = False,
    report: Annotated[
        int | None, typer.Option("--report", metavar="N", min=1, help="Only tell of comparison N.")
    ] = None,
    as_json: JsonOption = False,
    plain: Annotated[bool, typer.Option("--plain", help="Lines, also on a terminal.")] = False,
) -> None:
    """Run researchers against each other under equal budgets, and say what can be said of them.

    Arms take turns on the device in random blocks, so that the machine's drift hits all alike; or
    with `--order parallel` they run at the same time and change devices every turn. Each has a
    branch and an incumbent of its own; the baseline is shared. At the end every result and the
    baseline are measured again in turn, and those numbers decide. Every limit is each arm's own.
    `[compare]` in the study file says the same. Running again goes on with what was cut off, the
    balance kept.

    The report is printed, and written as .md, .json and .png in `.overnight/`.

    Examples:

        overnight compare --arm codex:gpt-5.4 --arm codex:gpt-5.3-codex --control --hours 3

        overnight compare --arm tune --arm replay --trials 20 --repeats 3

        overnight compare --arm codex --aa --trials 30

        overnight compare --arm codex --control --order parallel --device 0 --device 1 --hours 6

        overnight compare --report 1 --json
    """
    loaded = load_study(study)
    layout = Layout(loaded.root)
    if abandon:
        _abandon(layout)
        return
    number = report
    end: ComparisonEnd | None = None
    if number is None:
        given = {"order": order, "devices": device, "repeats": repeats, "runs": runs, "seed": seed}
        table = CompareTable() if resume else _table(loaded, arm or [], given, control, aa)
        limits = {"hours": hours, "device_hours": device_hours, "trials": trials}
        limits |= {"agent_tokens": tokens, "money_usd": money}
        budget = _budget(loaded, limits) if table.arms else BudgetTable()
        shown = loaded.with_budget(budget)
        with show(shown, plain=plain or as_json, earlier=[]) as watcher:
            end = run_comparison(loaded, table, budget, watcher)
        number = end.comparison
    found = _analysed(layout, number)
    _write(found, layout, number)
    if as_json:
        typer.echo(to_json(comparison_json(found), indent=2))
    else:
        _print(found, layout, number, end)
    if end is not None and not end.finished:
        sys.exit(130)


def _table(
    study: Study, arms: list[str], given: Mapping[str, object], control: bool, aa: bool
) -> CompareTable:
    """What is to be compared: the command line's arms, else those of the study file."""
    own = study.compare
    chosen = [parse_arm(text, study=study.researcher) for text in arms] or list(own.arms)
    if not chosen and not (control or aa):
        return own  # only an unfinished comparison can be meant
    chosen = chosen or [parse_arm(study.researcher.kind, study=study.researcher)]
    chosen = with_itself(chosen) if aa else chosen
    chosen = with_control(chosen) if control else chosen
    told = own.model_dump() | {name: value for name, value in given.items() if value is not None}
    if told["order"] != Order.PARALLEL and given["devices"] is None:
        told["devices"] = ()  # those of the study file are for another order
    try:
        return CompareTable.model_validate(told | {"arms": tuple(named(chosen))})
    except ValidationError as error:
        raise StudyFileError(explain("In place of [compare]", "", error)) from error


def _budget(study: Study, limits: Mapping[str, object]) -> BudgetTable:
    """Each arm's budget: what is asked for, else that of [compare], else the study's.

    Raises:
        StudyFileError: There is none, so no arm would ever end.
    """
    asked = {name: value for name, value in limits.items() if value is not None}
    for told in (asked, study.compare.budget.model_dump(), study.budget.model_dump()):
        if any(value is not None for value in told.values()):
            return BudgetTable.model_validate(told)
    raise StudyFileError(
        "Nothing says how long each arm may go on.",
        fix="Add --trials, --hours, --device-hours, --tokens or --money, or [compare.budget].",
    )


def _abandon(layout: Layout) -> None:
    with hold(layout.lock), closing(Ledger(layout.ledger)) as ledger:
        found = unfinished(ledger.comparisons())
        if found is None:
            raise OvernightError("No comparison is under way.")
        ledger.end_comparison(found.id)
        typer.echo(f"Comparison {found.id} is ended; its trials stay recorded.")


def _analysed(layout: Layout, number: int) -> Comparison:
    with reading(layout.ledger) as reader:
        repository = Repository(layout.root, reader.study.name)
        with closing(repository):
            return analyse(contest_of(reader, repository, number))


def _write(found: Comparison, layout: Layout, number: int) -> None:
    base = layout.comparison(number)
    text = "\n".join([f"# Comparison {number}", "", *comparison_lines(found), ""])
    write_atomically(base.with_suffix(".md"), text.encode())
    told = to_json(comparison_json(found), indent=1) + "\n"
    write_atomically(base.with_suffix(".json"), told.encode())
    write_comparison(found, base.with_suffix(".png"))


def _print(found: Comparison, layout: Layout, number: int, end: ComparisonEnd | None) -> None:
    console = Console(soft_wrap=True)
    console.print(Text("\n".join(comparison_lines(found))))
    base = layout.comparison(number)
    console.print(Text(f"Report: {base.with_suffix('.md')}, .json and .png beside it."))
    if end is not None and not end.finished:
        console.print(Text(f"{end.reason} `overnight compare --resume` goes on.", style="yellow"))
