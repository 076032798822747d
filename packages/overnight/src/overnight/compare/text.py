"""A comparison as Markdown, which also reads well on a plain terminal."""

from collections.abc import Callable, Sequence
from itertools import groupby

from overnight.brief import one_line
from overnight.compare.amounts import Amount
from overnight.compare.analysis import Comparison
from overnight.compare.arms import ArmSummary
from overnight.compare.devices import DeviceSummary
from overnight.compare.discovery import Find, own, shared
from overnight.compare.records import Pricing
from overnight.compare.sentences import conclusions, estimate_text, name_text, number_text
from overnight.durations import format_duration
from overnight.stats import Estimate

_MOST_FINDS = 12


def comparison_lines(comparison: Comparison) -> list[str]:
    """The whole comparison."""
    lines = ["## What can be said", ""]
    lines += [f"- {sentence}" for sentence in conclusions(comparison)]
    lines += ["", "## Arms", "", *arm_table(comparison), ""]
    lines += [*price_lines(comparison.prices), ""] if comparison.prices else []
    if len(comparison.devices) > 1:
        lines += ["## Devices", "", *device_table(comparison), ""]
    lines += ["## What was found", "", *find_lines(comparison)]
    return lines


def arm_table(comparison: Comparison) -> list[str]:
    """One column for each arm, intervals of 95 % in brackets; what is not known is a `?`."""
    arms = comparison.arms
    rows = [[label, *map(cell, arms)] for label, cell in _rows(comparison.metric)]
    return _table(["", *(name_text(arm.name) for arm in arms)], rows)


def device_table(comparison: Comparison) -> list[str]:
    """One column for each device: the unchanged start there, and whose turns it had."""
    devices = comparison.devices
    metric = one_line(comparison.metric, most_characters=40)
    rows = [[f"{metric} of the baseline", *(_baseline(device) for device in devices)]]
    rows += [
        [f"turns of {name_text(arm.name)}", *(str(device.turns[arm.name]) for device in devices)]
        for arm in comparison.arms
    ]
    return _table(["", *(name_text(device.name) for device in devices)], rows)


def price_lines(prices: Sequence[Pricing]) -> list[str]:
    """Whose prices the money is by, and of when."""
    return [
        f"Money by {_price_list(price.by)}: {price.calls} calls from {price.first} to {price.last}."
        for price in prices
    ]


def find_lines(comparison: Comparison) -> list[str]:
    """Shared finds in order of gain, then each arm's own."""
    lines = ["Found by several arms:", ""]
    lines += _finds(shared(comparison.finds)) or ["- nothing"]
    for arm in comparison.arms:
        lines += ["", f"Only by {name_text(arm.name)}:", ""]
        lines += _finds(own(comparison.finds, arm.name)) or ["- nothing"]
    lines += ["", "Gains as recorded, with the noise of single runs; a proposal that changed"]
    lines += ["several things counts for each."]
    return lines


def _rows(metric: str) -> list[tuple[str, Callable[[ArmSummary], str]]]:
    name = one_line(metric, most_characters=40)
    return [
        ("nights", lambda arm: str(arm.nights)),
        ("proposals", lambda arm: f"{arm.proposals} (and {arm.lost} turns without one)"),
        ("verdicts", _verdicts),
        ("accepted", lambda arm: f"{arm.accepted}: {_percent(arm.accept_rate)}"),
        ("still standing", lambda arm: str(arm.standing)),
        (f"{name}, measured again", lambda arm: estimate_text(arm.final) + _runs(arm)),
        ("gain over the baseline", lambda arm: estimate_text(arm.improvement)),
        ("own record: start", lambda arm: number_text(arm.recorded.start)),
        ("own record: best", lambda arm: number_text(arm.recorded.best)),
        ("device time", lambda arm: _time(arm.spending.device_s)),
        ("on what was not kept", lambda arm: _time(arm.spending.burnt_s)),
        ("researcher's time", lambda arm: _time(arm.spending.agent_s)),
        ("tokens", lambda arm: _amount(arm.spending.tokens, "{:,.0f}")),
        ("money, USD", lambda arm: _amount(arm.spending.cost_usd, "{:.2f}")),
        ("a turn: thinking", lambda arm: _seconds(arm.mean_phases.thinking_s)),
        ("a turn: guards", lambda arm: _seconds(arm.mean_phases.guards_s)),
        ("a turn: measuring", lambda arm: _seconds(arm.mean_phases.measuring_s)),
        ("a turn: idle", lambda arm: _seconds(arm.mean_phases.idle_s)),
        ("gain per device hour", lambda arm: estimate_text(arm.gain_per_device_hour)),
        ("gain per USD", lambda arm: estimate_text(arm.gain_per_usd)),
    ]


def _baseline(device: DeviceSummary) -> str:
    return f"{estimate_text(device.baseline)} ({device.runs} runs)"


def _price_list(by: str | None) -> str:
    return "prices that the record does not name" if by is None else f"the prices of {by}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines]


def _finds(found: Sequence[Find]) -> list[str]:
    lines = []
    for find in found[:_MOST_FINDS]:
        parts = "; ".join(f"{name_text(arm)}: {_steps(find, arm)}" for arm in find.arms)
        alike = "" if find.likeness is None else f", code {find.likeness:.0%} alike"
        lines.append(f"- {name_text(find.name)}: gain {find.gain:.4g} in all ({parts}{alike})")
    if len(found) > _MOST_FINDS:
        lines.append(f"- and {len(found) - _MOST_FINDS} more")
    return lines


def _steps(find: Find, arm: str) -> str:
    """Which way an arm went, step by step: ``up x2, down``, and what it gained."""
    steps = find.of(arm)
    walk = []
    for direction, group in groupby(step.direction for step in steps):
        count = len(list(group))
        walk.append(f"{direction} x{count}" if count > 1 else str(direction))
    return f"{', '.join(walk)}, {sum(step.gain or 0.0 for step in steps):.4g}"


def _verdicts(arm: ArmSummary) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in arm.verdicts.items()) or "none"


def _percent(share: Estimate | None) -> str:
    if share is None:
        return "?"
    return f"{share.value:.0%} [{share.low:.0%}, {share.high:.0%}]"


def _runs(arm: ArmSummary) -> str:
    if not arm.runs and not arm.failed_runs:
        return ""
    failed = f", {arm.failed_runs} failed" if arm.failed_runs else ""
    return f" ({arm.runs} runs{failed})"


def _time(amount: Amount) -> str:
    return _amount(amount, "{}", show=format_duration)


def _amount(
    amount: Amount, form: str, *, show: Callable[[float], object] = lambda value: value
) -> str:
    """A sum, and how many of its parts are not known."""
    if amount.parts and amount.unknown == amount.parts:
        return "?"
    told = form.format(show(amount.known))
    return f"{told} and {amount.unknown} not known" if amount.unknown else told


def _seconds(seconds: float | None) -> str:
    return "?" if seconds is None else format_duration(seconds)
