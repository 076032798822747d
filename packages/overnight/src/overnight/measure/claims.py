"""Holding what a run says of its own time against the harness's clock: values in, a doubt out."""

from dataclasses import dataclass

from overnight.durations import format_duration

_SHARE = 0.1
_SLACK_S = 1.0
_TIMES_OVERHEAD = 2.0


@dataclass(frozen=True, slots=True)
class TimeAccount:
    """The training time that a run claims, and what the harness saw it use.

    Attributes:
        used_s: Wall clock or processor time of the whole command.
    """

    claimed_s: float
    used_s: float

    @property
    def overhead_s(self) -> float:
        """What was used beside the training: start, data, compilation, evaluation."""
        return max(0.0, self.used_s - self.claimed_s)


def doubt_time(account: TimeAccount, *, baseline: TimeAccount) -> str | None:
    """Why a run must have trained for longer than it says, or None.

    Beside its training it may use twice what the baseline did, a second, and a tenth of the
    training time.
    """
    slack_s = _SLACK_S + _SHARE * account.claimed_s
    if account.overhead_s <= _TIMES_OVERHEAD * baseline.overhead_s + slack_s:
        return None
    return (
        f"It claims {format_duration(account.claimed_s)} of training, but used"
        f" {format_duration(account.used_s)} by the harness's clock; beside its training the"
        f" baseline needed {format_duration(baseline.overhead_s)}."
    )
