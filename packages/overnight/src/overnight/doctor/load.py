"""What a night puts on the disk, reckoned before it begins: values in, a judgement out."""

import math
from dataclasses import dataclass

from overnight.config import BudgetTable
from overnight.doctor.check import Result, failed, ok, warning
from overnight.doctor.words import size

_CHECKOUTS = 4  # the researcher's clone, two to measure in, the scorer's
_PER_TRIAL_BYTES = 4 * 2**20
_PER_TRIAL_FILES = 12
_UNKNOWN_TRIALS = 100
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Load:
    """What a night needs.

    Attributes:
        checkout_bytes: Of one checkout.
        checkout_files: Likewise.
        trials: As many as its budget allows.
    """

    checkout_bytes: int
    checkout_files: int
    trials: int

    @property
    def work_bytes(self) -> int:
        """In the work directory."""
        return _CHECKOUTS * self.checkout_bytes

    @property
    def record_bytes(self) -> int:
        """In the repository's ``.overnight``: briefs, logs, the agent's events."""
        return self.trials * _PER_TRIAL_BYTES

    @property
    def files(self) -> int:
        """In both."""
        return _CHECKOUTS * self.checkout_files + self.trials * _PER_TRIAL_FILES


def planned_trials(budget: BudgetTable, *, run_s: float) -> int:
    """How many trials a night may come to.

    Args:
        run_s: The shortest time that one may take.
    """
    by_time = math.inf if budget.hours is None else math.ceil(budget.hours * 3600 / run_s)
    planned = min(by_time, math.inf if budget.trials is None else budget.trials)
    return _UNKNOWN_TRIALS if math.isinf(planned) else int(planned)


def judge_space(needed_bytes: int, *, free_bytes: int, reserve_gb: float, place: str) -> Result:
    """Whether a disk has room.

    Args:
        reserve_gb: Below this a night pauses.
    """
    least = reserve_gb * _GIB
    if free_bytes < least:
        return failed(
            f"{size(free_bytes)} are free in {place}; below {size(least)} a night pauses.",
            fix="Make room, or lower watch.least_disk_gb.",
        )
    told = f"{size(free_bytes)} are free in {place}; the night needs about {size(needed_bytes)}"
    if free_bytes - least < needed_bytes:
        return failed(f"{told}.", fix="Make room, set OVERNIGHT_WORK, or plan fewer trials.")
    if free_bytes - least < 2 * needed_bytes:
        return warning(f"{told}, and checkpoints of a model need more.", fix="Make more room.")
    return ok(f"{told}.")


def judge_inodes(needed: int, *, free: int, total: int, place: str) -> Result:
    """Whether a file system can hold so many more files; some count none."""
    if total == 0 or free >= 2 * needed:
        return ok(f"{place} can hold the night's {needed} files.")
    judge = failed if free < needed else warning
    return judge(
        f"{place} can hold {free} more files; the night makes about {needed}.",
        fix="Remove files there (`df -i` shows where), or set OVERNIGHT_WORK to another disk.",
    )
