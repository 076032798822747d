"""The gate: values in, a verdict out."""

import operator
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from overnight.gate import Gate, judge
from overnight.types import Constraint, DiffStat, Goal, Objective, Outcome, Run, Ties, Verdict

LOSS = Objective("loss", Goal.MINIMIZE)
NO_LINES = DiffStat(added=0, removed=0)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
GATES = st.builds(
    Gate, st.sampled_from(Ties), st.floats(0.0, allow_nan=False, allow_infinity=False)
)
STATS = st.builds(DiffStat, st.integers(0, 50), st.integers(0, 50))


def measured(**metrics: float) -> Run:
    return Run(Outcome.MEASURED, metrics, "", exit_code=0, duration_s=1.0)


def verdict(
    value: float,
    incumbent: float,
    *,
    gate: Gate = Gate(),  # noqa: B008 (frozen)
    goal: Goal = Goal.MINIMIZE,
    stat: DiffStat = NO_LINES,
) -> Verdict:
    run = measured(loss=value)
    return judge(gate, replace(LOSS, goal=goal), run=run, incumbent=incumbent, stat=stat).verdict


@given(value=FINITE, incumbent=FINITE, least=st.floats(0.0, 1e300))
def test_keeps_exactly_what_is_better_by_the_least_gain(
    value: float, incumbent: float, least: float
) -> None:
    better = value < incumbent and incumbent - value >= least
    expected = Verdict.KEEP if better else Verdict.DISCARD
    assert verdict(value, incumbent, gate=Gate(min_delta=least)) is expected


@given(value=FINITE, incumbent=FINITE, gate=GATES, stat=STATS, goal=st.sampled_from(Goal))
def test_minimising_and_maximising_mirror_each_other(
    value: float, incumbent: float, gate: Gate, stat: DiffStat, goal: Goal
) -> None:
    other = Goal.MAXIMIZE if goal is Goal.MINIMIZE else Goal.MINIMIZE
    one = verdict(value, incumbent, gate=gate, goal=goal, stat=stat)
    assert verdict(-value, -incumbent, gate=gate, goal=other, stat=stat) is one


@given(value=FINITE, incumbent=FINITE, gate=GATES)
def test_what_replaces_the_incumbent_is_never_replaced_by_it(
    value: float, incumbent: float, gate: Gate
) -> None:
    assume(value != incumbent)
    if verdict(value, incumbent, gate=gate) is Verdict.KEEP:
        assert verdict(incumbent, value, gate=gate) is Verdict.DISCARD


@pytest.mark.parametrize(
    ("ties", "added", "removed", "expected"),
    [
        (Ties.DISCARD, 0, 10, Verdict.DISCARD),
        (Ties.KEEP, 10, 0, Verdict.KEEP),
        (Ties.SIMPLER, 1, 2, Verdict.KEEP),
        (Ties.SIMPLER, 2, 2, Verdict.DISCARD),
        (Ties.SIMPLER, 2, 1, Verdict.DISCARD),
    ],
)
@pytest.mark.parametrize("min_delta", [0.0, 0.5])
def test_a_tie_is_judged_by_its_setting_and_its_size(
    ties: Ties, added: int, removed: int, expected: Verdict, min_delta: float
) -> None:
    gate = Gate(ties, min_delta)
    assert verdict(1.0, 1.0, gate=gate, stat=DiffStat(added, removed)) is expected


def test_a_gain_too_small_is_no_tie() -> None:
    gate = Gate(Ties.KEEP, min_delta=0.5)
    assert verdict(0.9, 1.0, gate=gate, stat=DiffStat(added=0, removed=9)) is Verdict.DISCARD


@pytest.mark.parametrize("loss", [0.1, 1.0, 9.9], ids=["better", "equal", "worse"])
def test_constraints_come_before_the_objective(loss: float) -> None:
    objective = replace(LOSS, constraints=(Constraint("vram_mb", "<=", 100.0),))
    run = measured(loss=loss, vram_mb=101.0)
    judgement = judge(Gate(Ties.KEEP), objective, run=run, incumbent=1.0, stat=NO_LINES)
    assert judgement.verdict is Verdict.VIOLATION
    assert judgement.reason == "vram_mb <= 100 does not hold: it is 101."


def test_every_broken_constraint_is_told() -> None:
    constraints = (Constraint("a", "<", 1.0), Constraint("b", ">=", 0.0), Constraint("c", ">", 0.0))
    run = measured(loss=0.0, a=1.0, b=0.0, c=0.0)
    objective = replace(LOSS, constraints=constraints)
    reason = judge(Gate(), objective, run=run, incumbent=1.0, stat=NO_LINES).reason
    assert reason == "a < 1 does not hold: it is 1; c > 0 does not hold: it is 0."


@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.MEASURED])
def test_a_run_without_measurement_gets_the_verdict_of_its_name(outcome: Outcome) -> None:
    run = Run(outcome, {"loss": 0.0}, "As it happened.", exit_code=1, duration_s=1.0)
    judgement = judge(Gate(Ties.KEEP), LOSS, run=run, incumbent=1.0, stat=NO_LINES)
    assert (judgement.verdict, judgement.reason) == (Verdict(outcome.value), "As it happened.")


@given(value=FINITE, incumbent=FINITE, gate=GATES, stat=STATS)
def test_judging_again_gives_the_same_judgement(
    value: float, incumbent: float, gate: Gate, stat: DiffStat
) -> None:
    run = measured(loss=value)
    first = judge(gate, LOSS, run=run, incumbent=incumbent, stat=stat)
    assert judge(gate, LOSS, run=run, incumbent=incumbent, stat=stat) == first
    assert run == measured(loss=value)


@given(bound=FINITE, value=FINITE, relation=st.sampled_from(["<=", ">=", "<", ">"]))
def test_a_constraint_means_what_it_says_and_is_read_again_from_its_text(
    bound: float, value: float, relation: str
) -> None:
    constraint = Constraint.parse(f"peak/vram_mb {relation} {bound!r}")
    compare = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}[relation]
    assert constraint.holds(value) == compare(value, bound)
    assert Constraint.parse(str(constraint)).relation == relation


@pytest.mark.parametrize(
    "text", ["", "loss", "loss <=", "loss = 3", "<= 3", "loss <= big", "loss <= nan", "loss > inf"]
)
def test_what_is_no_constraint_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write it as 'peak_vram_mb <= 46000'"):
        Constraint.parse(text)
