"""What a night came to, in a few lines."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from overnight.brief import one_line
from overnight.cli.display import STYLES
from overnight.config import Study
from overnight.durations import format_duration
from overnight.layout import Layout
from overnight.ledger.queries import LedgerReader
from overnight.night import NightEnd
from overnight.report.standing import latest_finding
from overnight.types import SandboxKind, Validation


def print_summary(study: Study, layout: Layout, end: NightEnd, console: Console) -> None:
    """Print how the night ended, what was kept, and where everything is."""
    reader = LedgerReader(layout.ledger)
    try:
        console.print(Text(one_line(end.reason, most_characters=2000), style="bold"))
        console.print(_verdict_line(reader))
        if end.incumbent is not None:
            console.print(_kept_table(reader, study))
            console.print(_gain_line(reader, study, end))
            _print_trust(reader, study, console)
    finally:
        reader.close()
    spent = end.spent
    tokens = f", {spent.agent_tokens:,} agent tokens" if spent.agent_tokens else ""
    money = f", ${spent.money_usd:.2f}" if spent.money_usd else ""
    console.print(f"Time: {format_duration(spent.active_s)}{tokens}{money}", highlight=False)
    console.print(Text(f"Results: {layout.results}"), soft_wrap=True)
    if end.incumbent is not None and not end.incumbent.is_baseline:
        console.print(f"Take them over: git merge {study.branch}", highlight=False)
    if not end.finished:
        console.print("Go on with: overnight run", highlight=False)


def _verdict_line(reader: LedgerReader) -> Text:
    line = Text()
    for verdict, count in sorted(reader.verdict_counts().items(), key=lambda item: -item[1]):
        line.append(f"{count} {verdict}  ", style=STYLES.get(verdict, "red"))
    return line


def _kept_table(reader: LedgerReader, study: Study) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("kept", justify="right")
    table.add_column(study.objective.metric, justify="right")
    table.add_column("change")
    for trial in reader.kept()[-20:]:
        table.add_row(str(trial.number), f"{trial.value:.6g}", Text(one_line(trial.title)))
    return table


def _print_trust(reader: LedgerReader, study: Study, console: Console) -> None:
    """What stands behind the numbers: the last checkpoint, and whether anything was confined."""
    found = latest_finding(reader)
    if found is not None:
        style = "green" if found.outcome is Validation.VALIDATED else "yellow"
        told = f"Checkpoint: {found.outcome}. {found.reason}"
        console.print(Text(one_line(told, most_characters=600), style=style), soft_wrap=True)
    if study.sandbox.kind is SandboxKind.NONE:
        console.print(Text("Sandbox: none; nothing was confined.", style="red"))


def _gain_line(reader: LedgerReader, study: Study, end: NightEnd) -> Text:
    baseline, best = reader.trial(0).value, end.incumbent.value if end.incumbent else None
    if baseline is None or best is None:
        return Text("")
    share = f" ({(best - baseline) / abs(baseline):+.2%})" if baseline else ""
    return Text(f"{study.objective.metric}: {baseline:.6g} -> {best:.6g}{share}", style="bold")
