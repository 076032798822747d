"""What a trial measures on one device: what candidates that are measured there must beat."""

from collections.abc import Sequence
from statistics import fmean

from overnight.ledger.records import RunRecord
from overnight.types import Outcome, Purpose


def value_of_runs(runs: Sequence[RunRecord], metric: str, *, seeded: bool) -> float | None:
    """A trial's value by its runs on one device; None where none of them says it.

    The last checkpoint's mean where there is one, else the run that it was judged by or that was
    made to know its value here.

    Args:
        runs: Oldest first.
        seeded: Whether checkpoints set other seeds, so that their values do not compare.
    """
    told = [run for run in runs if run.outcome is Outcome.MEASURED and metric in run.metrics]
    again = [] if seeded else [run for run in told if run.purpose is Purpose.CHECKPOINT]
    if again:
        latest = [run for run in again if run.checkpoint == again[-1].checkpoint]
        return fmean(run.metrics[metric] for run in latest)
    own = [run for run in told if run.purpose in (Purpose.TRIAL, Purpose.DEVICE)]
    return own[-1].metrics[metric] if own else None
