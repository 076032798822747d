"""Whether a kept chain holds when it is measured again: measurements in, a finding out."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from overnight.stats import Estimate, Noise, estimate
from overnight.types import Goal, Validation

ONE_SIDED = 0.90  # a two-sided interval of 90 % has 95 % below its upper end


@dataclass(frozen=True, slots=True)
class Sample:
    """One commit measured again.

    Attributes:
        values: The objective, one value per run that was measured.
        holdout: The hold-out's metric, likewise.
        failures: Why other runs have no value: crashes, and constraints that do not hold.
    """

    values: Sequence[float] = ()
    holdout: Sequence[float] = ()
    failures: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the chain of keeps: what it was said to gain, and what it is seen to gain.

    Attributes:
        since: What it starts from, for sentences.
        claimed: Gain by the ledger, in the metric's unit.
        seen: Gain as measured again.
        holdout: Gain on the hold-out; None where there is none.
    """

    since: str
    claimed: float
    seen: Estimate
    holdout: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """What must be there again.

    Attributes:
        least_share: Of the claimed gain.
        holdout_compares: Whether the hold-out's metric is the objective, so that gains compare.
    """

    least_share: float
    holdout_compares: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """What measuring again has shown, and why in one sentence."""

    outcome: Validation
    reason: str


def judge_spans(
    rule: Rule, *, baseline: Sample, incumbent: Sample, spans: Sequence[Span]
) -> Finding:
    """Judge a chain by its failures, by its gain over the baseline, and by its latest stretch.

    Args:
        spans: From the baseline first; then, where there is one, from the last validation.
    """
    if not baseline.values:
        why = baseline.failures[0] if baseline.failures else "it was not run."
        return Finding(Validation.UNCLEAR, f"The baseline could not be measured again: {why}")
    if 2 * len(incumbent.failures) >= len(incumbent.failures) + len(incumbent.values):
        why = incumbent.failures[0] if incumbent.failures else "it was not run."
        return Finding(Validation.REFUTED, f"The incumbent fails when measured again: {why}")
    for span in spans:
        failed = _refute(rule, span)
        if failed:
            return Finding(Validation.REFUTED, failed)
    whole = spans[0]
    if whole.seen.value > 0 and whole.seen.value >= rule.least_share * whole.claimed:
        return Finding(Validation.VALIDATED, f"{_seen(whole)}.")
    if whole.claimed <= 0 and whole.seen.high >= 0:
        return Finding(Validation.VALIDATED, f"{_seen(whole)}: no gain is claimed.")
    return Finding(Validation.UNCLEAR, f"{_seen(whole)}: too little to tell from noise.")


def gain(goal: Goal, old: Sequence[float], new: Sequence[float], noise: Noise) -> Estimate:
    """How much better one commit is than another, by the means of their runs."""
    value = goal.gain(old=fmean(old), new=fmean(new))
    return estimate(value, noise, variances=1 / len(old) + 1 / len(new), confidence=ONE_SIDED)


def _refute(rule: Rule, span: Span) -> str | None:
    least = rule.least_share * max(0.0, span.claimed)
    if _falls_short(span.seen, least, at_zero=span.claimed > 0):
        return f"{_seen(span)}: less than {rule.least_share:.0%} of it is there."
    if span.holdout is None:
        return None
    least = rule.least_share * max(0.0, span.seen.value) if rule.holdout_compares else 0.0
    if _falls_short(span.holdout, least, at_zero=span.seen.value > 0):
        return (
            f"{_seen(span)}, but {span.holdout.value:.4g} on the hold-out:"
            " the gain does not carry over."
        )
    return None


def _falls_short(seen: Estimate, least: float, *, at_zero: bool) -> bool:
    """Whether a gain cannot be as large as it must; with unknown noise its value decides."""
    upper = seen.high if seen.high != float("inf") else seen.value
    return upper < least or (at_zero and upper <= 0)


def _seen(span: Span) -> str:
    interval = ""
    if span.seen.low != float("-inf"):
        interval = f" [{span.seen.low:.4g}, {span.seen.high:.4g}]"
    seen = f"{span.seen.value:.4g}{interval}"
    return f"Of a gain of {span.claimed:.4g} since {span.since}, {seen} is seen when measured again"
