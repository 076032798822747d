from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.ledger.queries import LedgerReader
from overnight.report.labels import place_labels
from overnight.report.points import Kind, Point, Step, counts, kept, points_of, shown_range
from overnight.report.rows import trial_rows
from overnight.types import Goal


def _step(number: int, value: float, gain: float = 0.0, title: str = "a change") -> Step:
    return Step(number, Kind.KEPT, value, gain, float(number), title)


def _discard(number: int, value: float) -> Point:
    return Point(number, Kind.DISCARDED, value, 0.0, float(number), "")


def test_verdicts_fall_into_four_kinds(reader: LedgerReader) -> None:
    points = points_of(trial_rows(reader))
    assert [(point.number, point.kind, point.value) for point in points] == [
        (0, Kind.KEPT, 1.0),
        (1, Kind.KEPT, 0.9),
        (2, Kind.DISCARDED, 0.95),
        (3, Kind.FAILED, 0.85),
        (4, Kind.FAILED, None),
        (5, Kind.REFUSED, None),
        (6, Kind.FAILED, None),
        (8, Kind.KEPT, 0.8),
    ]
    assert counts(points) == {Kind.KEPT: 2, Kind.DISCARDED: 1, Kind.FAILED: 3, Kind.REFUSED: 1}
    assert [step.number for step in kept(points)] == [0, 1, 8]


@pytest.mark.parametrize("goal", [Goal.MINIMIZE, Goal.MAXIMIZE])
def test_one_terrible_value_does_not_flatten_the_rest(goal: Goal) -> None:
    sign = 1 if goal is Goal.MINIMIZE else -1
    points: list[Point] = [_step(0, sign * 1.0), _step(1, sign * 0.9)]
    points += [_discard(n, sign * (1.0 + n / 100)) for n in range(2, 9)]
    points.append(_discard(9, sign * 1e6))
    shown = shown_range(points, goal)
    assert shown.high - shown.low < 0.4
    assert shown.clip(sign * 1e6) in (shown.low, shown.high)


VALUES = st.floats(min_value=-1e9, max_value=1e9)


@given(st.lists(VALUES, max_size=8), st.lists(VALUES, max_size=30), st.sampled_from(Goal))
def test_every_kept_value_is_shown(steps: list[float], others: list[float], goal: Goal) -> None:
    points = [_step(n, value) for n, value in enumerate(steps)]
    shown = shown_range([*points, *(_discard(99, value) for value in others)], goal)
    assert shown.low < shown.high
    assert all(shown.low <= value <= shown.high for value in steps)


def test_labels_stay_inside_apart_and_few() -> None:
    steps = [_step(n, 100.0 - n, gain=1.0 + n / 1000, title=f"change {n}") for n in range(100)]
    labels = place_labels(
        steps, at_px=lambda step: (step.number * 9, step.number * 4), width_px=900, below=True
    )
    assert 3 <= len(labels) <= 9
    assert labels[0].step.number > 90
    heights = sorted(label.step.number * 4 for label in labels)
    assert all(after - before >= 12 for before, after in pairwise(heights))


def test_a_baseline_has_no_label() -> None:
    assert place_labels([_step(0, 1.0)], at_px=lambda _: (9, 9), width_px=90, below=True) == []
    assert place_labels([], at_px=lambda _: (9, 9), width_px=90, below=False) == []
