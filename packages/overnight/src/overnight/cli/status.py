"""``overnight status``: where the study stands."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from overnight.brief import one_line
from overnight.budget import left
from overnight.cli.log import trial_table
from overnight.cli.target import JsonOption, StudyOption, find_study, reading
from overnight.config import BudgetTable, load_study
from overnight.durations import format_duration
from overnight.errors import StudyFileError
from overnight.layout import Layout
from overnight.ledger.records import ComparisonRecord, Spent, TrialRecord
from overnight.report.jsons import to_json
from overnight.report.rows import TrialRow, trial_rows
from overnight.report.standing import Standing, standing_of
from overnight.report.text import TRUST, console, first_sentence, gain_text, verdict_text
from overnight.steering import inbox_of, waiting
from overnight.types import Trust, Validation

_LATEST = 5


def status(as_json: JsonOption = False, study: StudyOption = Path()) -> None:
    """Tell whether a night is running, what it found so far and what is left of its budget.

    With `--json` one object: study, metric, goal, running, holder, at_hand, baseline, incumbent,
    gain, gain_percent, verdicts, night, spent, budget, trust, checkpoint, drift, latest (as in
    `overnight log --json`), and the paths results and root. What is not known is null.

    Examples:

        overnight status

        overnight status --json | jq .running
    """
    layout = find_study(study)
    with reading(layout.ledger) as reader:
        standing = standing_of(reader, lock=layout.lock)
        latest = trial_rows(reader, reader.latest(_LATEST)[::-1])
    if as_json:
        typer.echo(to_json(_facts(standing, latest, layout), indent=2))
    else:
        _print(standing, latest, layout, console())


def _facts(standing: Standing, latest: list[TrialRow], layout: Layout) -> dict[str, object]:
    budget, _ = _budget(layout)
    return {
        "study": standing.study.name,
        "metric": standing.study.metric,
        "goal": standing.study.goal,
        "running": standing.holder is not None,
        "holder": None if standing.holder is None else asdict(standing.holder),
        "at_hand": [_brief_facts(trial) for trial in standing.at_hand],
        "baseline": None if standing.baseline is None else _brief_facts(standing.baseline),
        "incumbent": None if standing.incumbent is None else _brief_facts(standing.incumbent),
        "gain": standing.gain,
        "gain_percent": standing.gain_percent,
        "verdicts": standing.verdicts,
        "night": None if standing.night is None else asdict(standing.night),
        "spent": asdict(standing.spent),
        "budget": None if budget is None else budget.model_dump(),
        "trust": standing.trust,
        "checkpoint": None if standing.checkpoint is None else asdict(standing.checkpoint),
        "drift": None if standing.drift is None else asdict(standing.drift),
        "comparison": None if standing.comparison is None else asdict(standing.comparison),
        "latest": latest,
        "results": str(layout.results),
        "root": str(layout.root),
    }


def _brief_facts(trial: TrialRecord) -> dict[str, object]:
    names = ("number", "state", "title", "value", "commit", "created_at")
    return {name: getattr(trial, name) for name in names}


def _budget(layout: Layout) -> tuple[BudgetTable | None, str]:
    """The study file's budget, or what is wrong with that file."""
    try:
        return load_study(layout.root).budget, ""
    except StudyFileError as error:
        return None, str(error)


def _print(standing: Standing, latest: list[TrialRow], layout: Layout, out: Console) -> None:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, told in _lines(standing, layout):
        grid.add_row(name, told)
    out.print(grid)
    if latest:
        out.print()
        out.print(trial_table(latest, metric=standing.study.metric))


def _lines(standing: Standing, layout: Layout) -> Iterable[tuple[str, Text]]:
    study = standing.study
    yield "study", Text(one_line(f"{study.name}: {study.goal} {study.metric}"), style="bold")
    if standing.holder is None:
        yield "running", Text("no; `overnight run` begins or goes on")
    else:
        yield "running", Text(f"yes, by {one_line(str(standing.holder))}", style="green")
    for trial in standing.at_hand:
        told = f"trial {trial.number}: {trial.state}"
        yield "at hand", Text(one_line(f"{told}, {trial.title}" if trial.title else told))
    yield from _found(standing)
    if standing.verdicts:
        counts = sorted(standing.verdicts.items(), key=lambda item: -item[1])
        parts = [verdict_text(verdict).append(f" {count}") for verdict, count in counts]
        yield "verdicts", Text("  ").join(parts)
    if standing.comparison is not None:
        yield "comparison", Text(_comparison(standing.comparison))
    yield from _guarded(standing, layout)
    yield from _used(standing, layout)
    yield "results", Text(str(layout.results))


def _comparison(comparison: ComparisonRecord) -> str:
    how = "" if comparison.ended_at else "under way; --resume goes on; "
    return f"{comparison.id}: {how}`overnight compare --report {comparison.id}` tells of it"


def _found(standing: Standing) -> Iterable[tuple[str, Text]]:
    baseline, best = standing.baseline, standing.incumbent
    if baseline is None or best is None or baseline.value is None or best.value is None:
        yield "baseline", Text("not measured yet")
        return
    yield "baseline", Text(f"{baseline.value:.6g}")
    if best.number == baseline.number:
        yield "best", Text("the baseline; nothing is kept yet")
        return
    share = "" if standing.gain_percent is None else f", {standing.gain_percent:.3g}% better"
    told = Text(f"{best.value:.6g}", style="bold green")
    told.append(f" ({gain_text(standing.gain)}{share})", style="green")
    yield "best", told.append(f"  trial {best.number}: {one_line(best.title)}", style="default")


def _guarded(standing: Standing, layout: Layout) -> Iterable[tuple[str, Text]]:
    """How far all this can be trusted."""
    if standing.trust is Trust.OPEN:
        yield "trust", Text("open: agent and measurement run without a sandbox", style="red")
    elif standing.trust is not None:
        yield "trust", Text(TRUST[standing.trust])
    if standing.checkpoint is not None:
        found = standing.checkpoint
        style = "green" if found.outcome is Validation.VALIDATED else "yellow"
        told = f"{found.outcome} after trial {found.after_trial}: {found.reason}"
        yield "checkpoint", Text(one_line(told, most_characters=400), style=style)
    if standing.drift is not None and standing.drift.drifting:
        score = f"{standing.drift.score:.2f}, {standing.drift.threshold:.2f} is drift"
        yield "drift", Text(f"yes ({score}): {first_sentence(standing.drift)}", style="red")
    elif standing.drift is not None:
        yield "drift", Text(f"none seen ({standing.drift.score:.2f})")
    waiting_now = len(waiting(inbox_of(layout)))
    if waiting_now:
        yield "inbox", Text(f"{waiting_now} orders wait for the night")


def _used(standing: Standing, layout: Layout) -> Iterable[tuple[str, Text]]:
    if standing.night is not None:
        ended = standing.night.end_reason
        told = f"night {standing.night.number}: {_spent_text(standing.spent)}"
        yield "used", Text(f"{told}. {one_line(ended)}" if ended else told)
    budget, problem = _budget(layout)
    if budget is None:
        yield "left", Text(problem, style="red")
    elif standing.night is None or standing.night.ended_at is None:
        yield "left", Text(left(budget, standing.spent) or "no limit is set")


def _spent_text(spent: Spent) -> str:
    parts = [f"{spent.trials} trials", format_duration(spent.active_s)]
    if spent.agent_tokens:
        parts.append(f"{spent.agent_tokens:,} agent tokens")
    if spent.money_usd:
        parts.append(f"${spent.money_usd:,.2f}")
    if spent.unpriced_calls:
        parts.append(f"{spent.unpriced_calls} calls of unknown price")
    return ", ".join(parts)
