"""``overnight show``: one trial in full."""

from pathlib import Path

import typer
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from overnight.brief import one_line
from overnight.cli.target import JsonOption, StudyOption, TrialArgument, find_study, reading
from overnight.config import load_study
from overnight.durations import format_duration
from overnight.errors import OvernightError, StudyFileError
from overnight.layout import Layout
from overnight.ledger.records import Attempt, DriftRecord
from overnight.report.dossier import Comparison, Dossier, dossier_of
from overnight.report.jsons import to_json
from overnight.report.text import (
    TRUST,
    coloured_patch,
    console,
    gain_text,
    value_text,
    verdict_text,
    visible,
)
from overnight.types import Constraint

_OUTPUT_LINES, _MOST_PATCH_LINES, _MOST_PATCH_BYTES = 20, 400, 200_000


def show(trial: TrialArgument, as_json: JsonOption = False, study: StudyOption = Path()) -> None:
    """Show one trial: what was tried and why, what it measured, why its verdict, what it changed.

    Constraints are those that the study file states now. With `--json` one object: the keys of
    `overnight log --json`, and comparisons, all_runs, again, all_attempts, drift, directory and
    files.

    Examples:

        overnight show 12

        overnight show 12 --json | jq .metrics
    """
    layout = find_study(study)
    with reading(layout.ledger) as reader:
        dossier = dossier_of(reader, trial, layout=layout, constraints=_constraints(layout))
    if as_json:
        typer.echo(to_json(dossier.facts(), indent=2))
        return
    out = console()
    out.print(_heading(dossier))
    if dossier.trial.rationale.strip():
        _section(out, "Rationale", Text(visible(dossier.trial.rationale.strip())))
    if dossier.runs:
        _section(out, "Measured", _metrics(dossier))
        _section(out, "Runs", _runs(dossier))
    if dossier.again:
        _section(out, "Measured again", _again(dossier))
    if dossier.attempts:
        _section(out, "Researcher's calls", _attempts(dossier))
    _section(out, "Change", _patch(dossier.patch(layout), out))
    output = dossier.output_tail(_OUTPUT_LINES)
    if output:
        _section(out, "End of the output", Text("\n".join(output)))
    _section(out, "Files", Text("\n".join(str(f) for f in dossier.files()) or "none"))


def _constraints(layout: Layout) -> tuple[Constraint, ...]:
    try:
        return load_study(layout.root).objective.constraints
    except StudyFileError:
        return ()


def _section(out: Console, title: str, body: RenderableType) -> None:
    out.print()
    out.print(Text(title, style="bold"))
    out.print(body)


def _heading(dossier: Dossier) -> Table:
    trial, row = dossier.trial, dossier.row
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    title = "baseline" if trial.is_baseline else one_line(trial.title) or "(no title)"
    grid.add_row(f"trial {trial.number}", Text(title, style="bold"))
    grid.add_row("verdict", verdict_text(trial.verdict, trial.state))
    if trial.reason:
        grid.add_row("why", Text(visible(trial.reason)))
    if dossier.incumbent is not None:
        told = f"trial {dossier.incumbent.number}, {value_text(dossier.incumbent.value)}"
        gain = f"; gain {gain_text(row['gain'])}" if row["gain"] is not None else ""
        grid.add_row("against", f"{told}{gain}")
    began = trial.created_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    grid.add_row("began", f"{began}, night {trial.night}")
    grid.add_row("researcher", Text(one_line(" ".join(filter(None, _researcher(dossier))))))
    if trial.demoted_after is not None:
        told = f"by a checkpoint after trial {trial.demoted_after}: it did not hold"
        grid.add_row("demoted", Text(told, style="magenta"))
    if dossier.runs:
        grid.add_row("trust", TRUST[dossier.runs[-1].trust])
    if dossier.drift is not None:
        grid.add_row("drift", _drift(dossier.drift))
    if trial.commit is not None:
        grid.add_row("commit", f"{trial.commit} on {trial.parent_commit[:12]}")
    if trial.lines_added is not None:
        grid.add_row("lines", f"+{trial.lines_added} -{trial.lines_removed}")
    return grid


def _drift(drift: DriftRecord) -> Text:
    score = f"{drift.score:.2f} ({drift.threshold:.2f} is drift)"
    told = Text(score, style="red" if drift.drifting else "")
    for signal in drift.signals:
        told.append(f"\n{signal.get('name')}: {signal.get('sentence')}", style="dim")
    if drift.response:
        told.append(f"\nresponse: {drift.response}", style="bold")
    return told


def _researcher(dossier: Dossier) -> tuple[str, str | None]:
    return dossier.trial.researcher, dossier.trial.model


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for column in columns:
        is_text = column in ("metric", "outcome", "message", "reason", "constraint")
        table.add_column(column, justify="left" if is_text else "right", overflow="fold")
    return table


def _metrics(dossier: Dossier) -> Table:
    several = len(dossier.runs) > 1
    runs = [f"run {run.ordinal}" for run in dossier.runs] if several else ["this trial"]
    against = [] if dossier.incumbent is None else [f"trial {dossier.incumbent.number}"]
    table = _table("metric", *against, *runs, "constraint")
    for comparison in dossier.comparisons:
        is_objective = comparison.metric == dossier.study.metric
        table.add_row(
            Text(one_line(comparison.metric)),
            *([value_text(comparison.incumbent)] if against else []),
            *(value_text(value) for value in comparison.runs),
            _bounds(comparison),
            style="bold" if is_objective else "",
        )
    return table


def _bounds(comparison: Comparison) -> Text:
    told = {
        None: Text(" (not measured)", style="dim"),
        True: Text(" holds", style="green"),
        False: Text(" is broken", style="bold red"),
    }
    parts = [
        Text(f"{constraint.relation} {constraint.bound:g}") + told[comparison.holds(constraint)]
        for constraint in comparison.constraints
    ]
    return Text(", ").join(parts)


def _runs(dossier: Dossier) -> Table:
    table = _table("run", "outcome", "time", "exit code", "reason")
    for run in dossier.runs:
        table.add_row(
            str(run.ordinal),
            str(run.outcome or "under way"),
            "" if run.duration_s is None else format_duration(run.duration_s),
            "" if run.exit_code is None else str(run.exit_code),
            Text(one_line(run.reason)),
        )
    return table


def _again(dossier: Dossier) -> Table:
    """Runs at checkpoints and audits."""
    table = _table("checkpoint", "for", "outcome", dossier.study.metric, "reason")
    for run in dossier.again:
        table.add_row(
            str(run.checkpoint),
            str(run.purpose),
            str(run.outcome or "under way"),
            value_text(run.metrics.get(dossier.study.metric)),
            Text(one_line(run.reason)),
        )
    return table


def _attempts(dossier: Dossier) -> Table:
    table = _table("call", "outcome", "time", "input", "cached", "output", "cost", "message")
    for ordinal, attempt in enumerate(dossier.attempts, start=1):
        table.add_row(str(ordinal), *_attempt(attempt), Text(one_line(attempt.message)))
    return table


def _attempt(attempt: Attempt) -> tuple[str | Text, ...]:
    use = attempt.usage
    tokens = (use.input_tokens, use.cached_input_tokens, use.output_tokens)
    return (
        Text(one_line(attempt.outcome)),
        format_duration(attempt.duration_s),
        *("" if count is None else f"{count:,}" for count in tokens),
        "" if use.cost_usd is None else f"${use.cost_usd:.4f}",
    )


def _patch(patch: bytes | OvernightError, out: Console) -> RenderableType:
    if isinstance(patch, OvernightError):
        return Text(str(patch), style="dim")
    lines = visible(patch[:_MOST_PATCH_BYTES].decode(errors="replace")).splitlines()
    text = "\n".join(lines[:_MOST_PATCH_LINES])
    if len(lines) > _MOST_PATCH_LINES or len(patch) > _MOST_PATCH_BYTES:
        text += "\n(It goes on: `overnight diff` prints all of it.)"
    if not text:
        return Text("none", style="dim")
    if not out.is_terminal:
        return Text(text)
    return coloured_patch(text)
