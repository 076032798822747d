"""The running best against what it took: trials, device time, wall time, money."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from overnight.compare.records import ArmTrial, Contest
from overnight.types import Goal


class Axis(StrEnum):
    """What a running best is drawn against; also the unit."""

    TRIALS = "trials"
    DEVICE_HOURS = "device_hours"
    WALL_HOURS = "wall_hours"
    USD = "usd"


@dataclass(frozen=True, slots=True)
class Curve:
    """One night of one arm.

    Attributes:
        points: What was used up, and the best value so far as it was recorded, after each turn; the
            first is the start at 0 where that is known.
    """

    arm: str
    repeat: int
    axis: Axis
    points: tuple[tuple[float, float], ...]


_COSTS: Mapping[Axis, Callable[[ArmTrial], float | None]] = {
    Axis.TRIALS: lambda trial: float(trial.is_proposal),
    Axis.DEVICE_HOURS: lambda trial: _hours(trial.device_s),
    Axis.WALL_HOURS: lambda trial: _hours(trial.wall_s),
    Axis.USD: lambda trial: trial.cost_usd,
}


def curves(contest: Contest) -> list[Curve]:
    """Every night of every arm on every axis along which all of its turns are known.

    Wall time is the arm's own turns put end to end, so that arms that took turns compare.
    """
    found = []
    for arm in contest.arms:
        for repeat in arm.repeats:
            turns = [trial for trial in arm.trials if trial.repeat == repeat]
            for axis in Axis:
                points = _points(contest.goal, turns, arm.starts.get(repeat), axis)
                if points:
                    found.append(Curve(arm.name, repeat, axis, points))
    return found


def _points(
    goal: Goal, turns: Sequence[ArmTrial], start: float | None, axis: Axis
) -> tuple[tuple[float, float], ...]:
    """Empty where a turn's cost is not known."""
    spent, best = 0.0, start
    points = [] if best is None else [(0.0, best)]
    for turn in turns:
        cost = _COSTS[axis](turn)
        if cost is None:
            return ()
        spent += cost
        if turn.kept and turn.value is not None:
            better = best is None or goal.gain(old=best, new=turn.value) > 0
            best = turn.value if better else best
        if best is not None:
            points.append((spent, best))
    return tuple(points)


def _hours(seconds: float | None) -> float | None:
    return None if seconds is None else seconds / 3600
