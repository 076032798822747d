"""Whether a chain holds: measurements in, a finding out."""

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from overnight.checkpoints.judging import Finding, Rule, Sample, Span, gain, judge_spans
from overnight.checkpoints.schedule import Since, is_due, is_due_at_end
from overnight.config import CheckpointTable
from overnight.stats import Estimate, Noise
from overnight.types import Goal, Validation

RULE = Rule(least_share=0.25)
SOUND = Sample(values=(1.0, 1.0))
UNKNOWN = (-math.inf, math.inf)


def seen(value: float, low: float | None = None, high: float | None = None) -> Estimate:
    ends = UNKNOWN if low is None or high is None else (low, high)
    return Estimate(value, *ends)


def judge(*spans: Span, rule: Rule = RULE, incumbent: Sample = SOUND) -> Finding:
    return judge_spans(rule, baseline=SOUND, incumbent=incumbent, spans=spans)


def span(claimed: float, found: Estimate, holdout: Estimate | None = None) -> Span:
    return Span("the baseline", claimed, found, holdout)


def test_a_gain_that_is_there_again_is_validated() -> None:
    finding = judge(span(1.0, seen(0.9, 0.8, 1.0)))
    assert finding.outcome is Validation.VALIDATED
    assert "0.9 [0.8, 1] is seen" in finding.reason


def test_a_gain_that_is_not_there_is_refuted() -> None:
    finding = judge(span(1.0, seen(0.1, 0.0, 0.2)))
    assert finding.outcome is Validation.REFUTED
    assert "less than 25% of it is there" in finding.reason


def test_too_much_noise_is_unclear_rather_than_either() -> None:
    assert judge(span(1.0, seen(0.1, -0.5, 0.7))).outcome is Validation.UNCLEAR


def test_without_repeats_the_values_decide() -> None:
    assert judge(span(1.0, seen(0.5))).outcome is Validation.VALIDATED
    assert judge(span(1.0, seen(0.2))).outcome is Validation.REFUTED


def test_a_gain_that_does_not_carry_over_to_the_holdout_is_refuted() -> None:
    finding = judge(span(1.0, seen(1.0, 0.9, 1.1), holdout=seen(0.0, -0.1, 0.1)))
    assert finding.outcome is Validation.REFUTED
    assert "the gain does not carry over" in finding.reason


def test_a_holdout_with_another_metric_need_only_not_get_worse() -> None:
    other = replace(RULE, holdout_compares=False)
    small = span(1.0, seen(1.0, 0.9, 1.1), holdout=seen(0.01, 0.005, 0.02))
    assert judge(small, rule=other).outcome is Validation.VALIDATED
    worse = span(1.0, seen(1.0, 0.9, 1.1), holdout=seen(-0.3, -0.4, -0.2))
    assert judge(worse, rule=other).outcome is Validation.REFUTED


def test_the_latest_stretch_can_fail_although_the_whole_holds() -> None:
    whole = span(2.0, seen(1.0, 0.9, 1.1))
    latest = Span("trial 4", 1.0, seen(0.0, -0.1, 0.1))
    finding = judge(whole, latest)
    assert finding.outcome is Validation.REFUTED
    assert "since trial 4" in finding.reason


def test_an_incumbent_that_mostly_fails_is_refuted_with_why() -> None:
    failing = Sample(values=(1.0,), failures=("peak_mb <= 5 does not hold: it is 7.",))
    finding = judge(span(1.0, seen(1.0)), incumbent=failing)
    assert finding.outcome is Validation.REFUTED
    assert "peak_mb <= 5 does not hold" in finding.reason


def test_a_baseline_that_cannot_be_measured_blames_nobody() -> None:
    broken = Sample(failures=("It ended with exit code 1.",))
    finding = judge_spans(RULE, baseline=broken, incumbent=SOUND, spans=[])
    assert finding.outcome is Validation.UNCLEAR


def test_ties_that_were_kept_claim_nothing() -> None:
    assert judge(span(0.0, seen(0.0, 0.0, 0.0))).outcome is Validation.VALIDATED
    assert judge(span(0.0, seen(-0.5, -0.6, -0.4))).outcome is Validation.REFUTED


@given(
    claimed=st.floats(0.01, 10),
    value=st.floats(-10, 10),
    reach=st.floats(0, 5),
    better=st.floats(0, 5),
)
def test_more_gain_never_judges_worse(
    claimed: float, value: float, reach: float, better: float
) -> None:
    order = [Validation.REFUTED, Validation.UNCLEAR, Validation.VALIDATED]

    def rank(shift: float) -> int:
        middle = value + shift
        found = seen(middle, middle - reach, middle + reach)
        return order.index(judge(span(claimed, found)).outcome)

    assert rank(better) >= rank(0.0)


@given(values=st.lists(st.floats(-5, 5), min_size=2, max_size=4))
def test_gains_are_positive_when_better_whichever_way_that_is(values: list[float]) -> None:
    old, new = values[:1], values[1:]
    lower = gain(Goal.MINIMIZE, old, new, Noise(1.0, 3))
    higher = gain(Goal.MAXIMIZE, old, new, Noise(1.0, 3))
    assert lower.value == -higher.value
    assert lower.high - lower.low == higher.high - higher.low


def test_a_checkpoint_is_due_when_something_new_was_kept_and_time_or_trials_have_passed() -> None:
    table = CheckpointTable.model_validate({"every_trials": 10, "every": "1h"})
    assert is_due(table, Since(trials=10, keeps=1))
    assert is_due(table, Since(trials=1, keeps=1, active_s=3600.0))
    assert not is_due(table, Since(trials=9, keeps=1, active_s=3599.0))
    assert not is_due(table, Since(trials=50, keeps=0, active_s=9000.0))
    never = CheckpointTable(every_trials=0, at_end=False)
    assert not is_due(never, Since(trials=1000, keeps=100, active_s=1e6))
    assert not is_due_at_end(never, Since(keeps=3))
    assert is_due_at_end(CheckpointTable(), Since(keeps=1))
    assert not is_due_at_end(CheckpointTable(), Since(trials=5))
