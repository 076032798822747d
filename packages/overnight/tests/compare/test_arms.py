"""What is said of one arm."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.compare.amounts import Amount, rate, total
from overnight.compare.analysis import analyse
from overnight.compare.arms import ArmSummary
from overnight.compare.curves import Axis, Curve
from overnight.compare.records import ArmRecord, ArmTrial, Rerun
from overnight.types import Phases, Verdict

from .contests import contest, kept, reruns

DISCARDED = ArmTrial(2, Verdict.DISCARD, value=1.2, device_s=300.0, cost_usd=0.5)
CRASHED = ArmTrial(3, Verdict.CRASH, device_s=20.0, cost_usd=0.25)
LOST = ArmTrial(4, Verdict.INTERRUPTED, device_s=0.0, agent_s=60.0, cost_usd=0.25)
KEPT = kept(1, value=0.9, device_s=300.0, cost_usd=1.0)


def summary(*trials: ArmTrial, **facts: object) -> ArmSummary:
    arm = replace(ArmRecord("one", trials, starts={1: 1.0}), **facts)  # type: ignore[arg-type]
    return analyse(contest(arm, baseline=reruns(1.0, 1.1, 1.2))).arms[0]


def curve(arm: ArmRecord, axis: Axis) -> list[Curve]:
    return [each for each in analyse(contest(arm)).curves if each.axis is axis]


def test_turns_without_a_proposal_count_for_costs_and_not_for_the_accept_rate() -> None:
    told = summary(KEPT, DISCARDED, CRASHED, LOST)
    assert (told.proposals, told.lost, told.accepted) == (3, 1, 1)
    assert told.verdicts == {Verdict.KEEP: 1, Verdict.DISCARD: 1, Verdict.CRASH: 1}
    assert told.accept_rate is not None
    assert told.accept_rate.value == pytest.approx(1 / 3)
    assert told.spending.cost_usd == Amount(2.0, 0, 4)


def test_device_time_is_burnt_on_whatever_does_not_stand() -> None:
    demoted = replace(KEPT, number=5, kept=False)
    told = summary(KEPT, DISCARDED, CRASHED, demoted)
    assert (told.accepted, told.standing) == (2, 1)
    assert told.spending.device_s.whole == 920.0
    assert told.spending.burnt_s.whole == 620.0


def test_what_is_unknown_stays_unknown() -> None:
    told = summary(KEPT, replace(DISCARDED, cost_usd=None, device_s=None))
    assert told.spending.cost_usd == Amount(1.0, 1, 2)
    assert told.spending.cost_usd.whole is None
    assert told.spending.tokens.known == 0.0
    assert told.spending.tokens.mean is None
    assert told.gain_per_usd is None
    assert told.gain_per_device_hour is None


def test_the_result_as_measured_again_counts_and_not_the_luckiest_value() -> None:
    told = summary(KEPT, reruns=reruns(0.95, 1.06, 1.14))
    assert told.recorded.best == 0.9
    assert told.recorded.gain == pytest.approx(0.1)
    assert told.final is not None
    assert told.final.value == pytest.approx(1.05)
    assert told.improvement is not None
    assert told.improvement.value == pytest.approx(0.05)
    assert 0.0 < told.improvement.low < 0.05 < told.improvement.high
    assert told.final.high - told.final.low > told.improvement.high - told.improvement.low, (
        "what moves all of a block moves no difference"
    )


def test_gain_per_device_hour_and_money_is_the_improvement_by_what_a_night_took() -> None:
    told = summary(KEPT, DISCARDED, reruns=reruns(0.9, 1.0, 1.1))
    assert told.improvement is not None
    assert told.gain_per_device_hour is not None
    assert told.gain_per_usd is not None
    assert told.gain_per_device_hour.value == pytest.approx(0.1 / (600 / 3600))
    assert told.gain_per_usd.value == pytest.approx(0.1 / 1.5)


def test_failed_runs_of_the_re_measurement_are_no_values() -> None:
    told = summary(KEPT, reruns=reruns(0.9, None, 1.0))
    assert (told.runs, told.failed_runs) == (2, 1)
    assert told.improvement is not None
    assert told.improvement.value == pytest.approx(0.15)


def test_a_single_run_has_no_interval() -> None:
    told = summary(KEPT, reruns=reruns(0.9))
    assert told.improvement is not None
    assert (told.improvement.low, told.improvement.high) == (-math.inf, math.inf)


def test_phases_are_means_over_the_turns_that_know_them() -> None:
    known = replace(KEPT, phases=Phases(thinking_s=10.0, measuring_s=300.0))
    other = replace(DISCARDED, phases=Phases(thinking_s=20.0))
    assert summary(known, other, LOST).mean_phases == Phases(15.0, None, 300.0, None)


def test_nights_of_an_arm_are_each_judged_by_their_own_start_and_best() -> None:
    again = replace(KEPT, number=2, repeat=2, value=0.7)
    told = summary(KEPT, again, starts={1: 1.0, 2: 1.2})
    assert told.nights == 2
    assert told.recorded.gain == pytest.approx((0.1 + 0.5) / 2)


def test_the_running_best_steps_at_keeps_that_stand() -> None:
    demoted = replace(KEPT, number=2, kept=False, value=0.1)
    arm = ArmRecord("one", (KEPT, demoted, DISCARDED, LOST), starts={1: 1.0})
    [trials] = curve(arm, Axis.TRIALS)
    assert list(trials.points) == [(0, 1.0), (1, 0.9), (2, 0.9), (3, 0.9), (3, 0.9)]
    [money] = curve(arm, Axis.USD)
    assert money.points[-1] == (2.75, 0.9)
    assert curve(arm, Axis.WALL_HOURS) == [], "no turn says how long it took"


def test_an_arm_without_a_single_turn_says_nothing_and_breaks_nothing() -> None:
    told = analyse(contest(ArmRecord("none"))).arms[0]
    assert (told.proposals, told.accept_rate, told.final) == (0, None, None)


def test_two_arms_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="same name"):
        analyse(contest(ArmRecord("one"), ArmRecord("one")))


def test_a_textbook_interval_by_wilson() -> None:
    told = rate(10, 20)
    assert told is not None
    # scipy.stats.binomtest(10, 20).proportion_ci(method="wilson")
    assert told.low == pytest.approx(0.2993, abs=1e-4)
    assert told.high == pytest.approx(0.7007, abs=1e-4)
    assert rate(0, 0) is None


@given(of=st.integers(1, 500), data=st.data())
def test_a_share_lies_in_its_interval_and_that_in_zero_to_one(of: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, of))
    told = rate(hits, of)
    assert told is not None
    assert 0 <= told.low <= told.value <= told.high <= 1 or told.value in (0.0, 1.0)
    assert 0 <= told.low < told.high <= 1


@given(parts=st.lists(st.none() | st.floats(0, 1e6), max_size=8))
def test_a_sum_counts_what_it_does_not_know(parts: list[float | None]) -> None:
    amount = total(parts)
    assert amount.unknown == parts.count(None)
    assert (amount.whole is None) == (None in parts)
    assert amount.known == pytest.approx(sum(part or 0.0 for part in parts))


def test_blocks_that_only_one_side_has_do_not_count() -> None:
    arm = ArmRecord("one", reruns=(Rerun(0, 0.9), Rerun(7, 0.0), Rerun(2, 0.9)))
    [told] = analyse(contest(arm, baseline=reruns(1.0, 1.0, 1.0))).arms
    assert told.improvement is not None
    assert told.improvement.value == pytest.approx(0.1)
