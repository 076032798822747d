"""When a checkpoint is due: values in, yes or no out."""

from dataclasses import dataclass

from overnight.config import CheckpointTable


@dataclass(frozen=True, slots=True)
class Since:
    """What has happened since the last checkpoint that was not cut off, or since the start.

    Attributes:
        trials: Trials with a verdict on an idea.
        keeps: Keeps among them.
        active_s: Time at work.
    """

    trials: int = 0
    keeps: int = 0
    active_s: float = 0.0


def is_due(table: CheckpointTable, since: Since) -> bool:
    """Whether the incumbent should be measured again now; never when nothing new was kept."""
    if since.keeps == 0:
        return False
    by_trials = table.every_trials > 0 and since.trials >= table.every_trials
    by_time = table.every_s is not None and since.active_s >= table.every_s
    return by_trials or by_time


def is_due_at_end(table: CheckpointTable, since: Since) -> bool:
    """Whether a night that has used up its budget should end with one."""
    return table.at_end and since.keeps > 0
