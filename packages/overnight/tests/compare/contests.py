"""Small contests to look at."""

import random
from collections.abc import Sequence
from typing import Any

from overnight.compare.records import ArmRecord, ArmTrial, Contest, Rerun
from overnight.drift.facts import FileChange
from overnight.types import Goal, Verdict


def reruns(*values: float | None, repeat: int = 1) -> tuple[Rerun, ...]:
    """One value in each block."""
    return tuple(Rerun(block, value, repeat) for block, value in enumerate(values))


def kept(number: int, title: str = "", *, gain: float = 0.1, **facts: Any) -> ArmTrial:
    return ArmTrial(number, Verdict.KEEP, title, kept=True, gain=gain, **facts)


def edit(old: str, new: str, path: str = "train.py") -> tuple[FileChange, ...]:
    return (FileChange(path, old, new),)


def contest(
    *arms: ArmRecord, goal: Goal = Goal.MINIMIZE, baseline: Sequence[Rerun] = ()
) -> Contest:
    return Contest("val_bpb", goal, arms, tuple(baseline))


def nights(rng: random.Random, *results: float, noise: float = 0.01) -> tuple[Rerun, ...]:
    """Each night's result measured again in five blocks."""
    return tuple(
        Rerun(block, result + rng.gauss(0, noise), repeat)
        for repeat, result in enumerate(results, 1)
        for block in range(5)
    )
