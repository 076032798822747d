"""``overnight log``: the trials as a table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from overnight.brief import one_line
from overnight.cli.target import JsonOption, StudyOption, find_study, reading
from overnight.durations import format_duration
from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import TrialRecord
from overnight.report.jsons import to_json
from overnight.report.rows import TrialRow, trial_rows
from overnight.report.text import console, gain_text, row_verdict_text, value_text
from overnight.types import State, Verdict

_TITLE_SAYS_IT = (Verdict.KEEP, Verdict.DISCARD)


def log(
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, help="How many trials, the newest.")
    ] = 20,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Every trial.")] = False,
    verdict: Annotated[
        list[Verdict] | None,
        typer.Option(
            metavar="VERDICT",
            help="Only trials with this verdict: keep, discard, crash, ...; may be given again.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
    study: StudyOption = Path(),
) -> None:
    """List the trials, the newest last.

    With `--json` each line is an object: number, verdict, title, reason, value, gain, metrics and
    the rest of what `overnight export` writes. What is not known is null.

    Examples:

        overnight log -n 50

        overnight log --verdict keep --verdict violation

        overnight log --all --json | jq -r 'select(.gain > 0) | .title'
    """
    with reading(find_study(study).ledger) as reader:
        if everything and not verdict:
            rows = trial_rows(reader)
        else:
            rows = trial_rows(reader, _newest(reader, None if everything else limit, verdict))
        if as_json:
            for row in rows:
                typer.echo(to_json(row))
        else:
            console().print(trial_table(rows, metric=reader.study.metric))


def trial_table(rows: Sequence[TrialRow], *, metric: str) -> Table:
    """Trials as a table with one line each."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False, expand=True)
    of_arms = any(row["arm"] for row in rows)
    table.add_column("trial", justify="right", no_wrap=True)
    if of_arms:
        table.add_column("arm", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column(Text(one_line(metric)), justify="right", no_wrap=True)
    table.add_column("gain", justify="right", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("change", ratio=1, no_wrap=True, overflow="ellipsis")
    for row in rows:
        verdict = None if row["verdict"] is None else Verdict(row["verdict"])
        table.add_row(
            str(row["number"]),
            *([Text(row["arm"] or "")] if of_arms else []),
            row_verdict_text(verdict, State(row["state"]), demoted_after=row["demoted_after"]),
            value_text(row["value"]),
            gain_text(row["gain"]),
            _time(row),
            _change(row, verdict),
        )
    return table


def _newest(
    reader: LedgerReader, limit: int | None, verdicts: list[Verdict] | None
) -> list[TrialRecord]:
    finished = reader.latest(limit, verdicts=verdicts)
    under_way = [] if verdicts else reader.unfinished()
    newest_last = sorted([*finished, *under_way], key=lambda trial: trial.number)
    return newest_last[-limit:] if limit else newest_last


def _time(row: TrialRow) -> str:
    known = [span for span in (row["propose_s"], row["measure_s"]) if span is not None]
    return format_duration(sum(known)) if known else ""


def _change(row: TrialRow, verdict: Verdict | None) -> Text:
    told = Text(one_line(row["title"]))
    reason = "" if verdict in _TITLE_SAYS_IT else one_line(row["reason"])
    if told and reason:
        told.append("  ")
    return told.append(reason, style="dim")
