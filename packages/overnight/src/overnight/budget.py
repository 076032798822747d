"""When a night has used up what it was given."""

from collections.abc import Sequence
from dataclasses import replace

from overnight.config import BudgetTable
from overnight.durations import format_duration
from overnight.ledger.records import Attempt, Spent, TrialRecord
from overnight.types import Verdict


def used_up(budget: BudgetTable, spent: Spent) -> str | None:
    """Which limit of the budget is reached, as a sentence, or None."""
    if budget.trials is not None and spent.trials >= budget.trials:
        return f"The budget of {budget.trials} trials is used up."
    if budget.hours is not None and spent.active_s >= budget.hours * 3600:
        return f"The budget of {format_duration(budget.hours * 3600)} is used up."
    if budget.device_hours is not None and spent.device_s >= budget.device_hours * 3600:
        limit = format_duration(budget.device_hours * 3600)
        return f"The budget of {limit} of measuring is used up."
    if budget.agent_tokens is not None and spent.agent_tokens >= budget.agent_tokens:
        return f"The budget of {budget.agent_tokens:,} agent tokens is used up."
    if budget.money_usd is not None and spent.money_usd >= budget.money_usd:
        return f"The budget of ${budget.money_usd:,.2f} is used up."
    return None


def left(budget: BudgetTable, spent: Spent) -> str:
    """What remains of each limit, shortly; an empty string where there is no limit."""
    parts = []
    if budget.trials is not None:
        parts.append(f"{max(0, budget.trials - spent.trials)} trials")
    if budget.hours is not None:
        parts.append(format_duration(max(0.0, budget.hours * 3600 - spent.active_s)))
    if budget.device_hours is not None:
        left_s = max(0.0, budget.device_hours * 3600 - spent.device_s)
        parts.append(f"{format_duration(left_s)} of measuring")
    if budget.agent_tokens is not None:
        parts.append(f"{max(0, budget.agent_tokens - spent.agent_tokens):,} tokens")
    if budget.money_usd is not None:
        parts.append(f"${max(0.0, budget.money_usd - spent.money_usd):,.2f}")
    return ", ".join(parts)


def add_trial(
    spent: Spent, trial: TrialRecord, attempts: Sequence[Attempt], *, device_s: float
) -> Spent:
    """What is spent after one more trial; its time at work is the caller's to add."""
    usages = [attempt.usage for attempt in attempts]
    counts = not trial.is_baseline and trial.verdict is not Verdict.INTERRUPTED
    unpriced = [use for use in usages if use.total_tokens and use.cost_usd is None]
    return replace(
        spent,
        trials=spent.trials + counts,
        device_s=spent.device_s + (0.0 if trial.is_baseline else device_s),
        agent_tokens=spent.agent_tokens + sum(use.total_tokens for use in usages),
        money_usd=spent.money_usd + sum(use.cost_usd or 0.0 for use in usages),
        unpriced_calls=spent.unpriced_calls + len(unpriced),
    )
