"""The ends of a chain of keeps, as recorded and as measured again: values in, spans out."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean

from overnight.checkpoints.judging import ONE_SIDED, Sample, Span, gain
from overnight.ledger.records import RunRecord, TrialRecord
from overnight.stats import Estimate, Noise, estimate, pooled_noise
from overnight.types import Goal, JsonValue, Outcome, Purpose


@dataclass(frozen=True, slots=True)
class Anchor:
    """The last validation whose incumbent still stands.

    Attributes:
        trial: That incumbent.
        gain: Its gain over the baseline, as it was measured then.
        holdout_gain: Likewise on the hold-out.
    """

    trial: TrialRecord
    gain: float
    holdout_gain: float | None


@dataclass(frozen=True, slots=True)
class Spread:
    """The noise of single runs, of the objective and of the hold-out's metric."""

    objective: Noise
    holdout: Noise


@dataclass(frozen=True, slots=True)
class Chain:
    """Baseline and incumbent, each with what measuring it again gave."""

    goal: Goal
    baseline: TrialRecord
    incumbent: TrialRecord
    of_baseline: Sample
    of_incumbent: Sample

    @property
    def is_complete(self) -> bool:
        """Whether both ends have a value."""
        return bool(self.of_baseline.values and self.of_incumbent.values)

    def spans(self, spread: Spread, anchor: Anchor | None) -> list[Span]:
        """From the baseline, and from the last validation where that lies in between."""
        if not self.is_complete:
            return []
        whole = self._since_baseline(spread)
        if anchor is None or not 0 < anchor.trial.number < self.incumbent.number:
            return [whole]
        return [whole, self._since(anchor, whole, spread)]

    def facts(self, spans: Sequence[Span]) -> dict[str, JsonValue]:
        """The numbers of it, for the record; the baseline's shift shows a drifting machine."""
        then, now = self.baseline.value, _mean(self.of_baseline.values)
        return {
            "baseline_then": then,
            "baseline_now": now,
            "baseline_shift": None if now is None or then is None else now - then,
            "incumbent_then": self.incumbent.value,
            "incumbent_now": _mean(self.of_incumbent.values),
            "holdout_baseline": _mean(self.of_baseline.holdout),
            "holdout_incumbent": _mean(self.of_incumbent.holdout),
            "runs": [len(self.of_baseline.values), len(self.of_incumbent.values)],
            "failures": [*self.of_baseline.failures, *self.of_incumbent.failures],
            **(_gains(spans[0]) if spans else {}),
        }

    def _since_baseline(self, spread: Spread) -> Span:
        old, new = self.of_baseline, self.of_incumbent
        holdout = None
        if old.holdout and new.holdout:
            holdout = gain(self.goal, old.holdout, new.holdout, spread.holdout)
        return Span(
            since="the baseline",
            claimed=self._claimed_since(self.baseline),
            seen=gain(self.goal, old.values, new.values, spread.objective),
            holdout=holdout,
        )

    def _since(self, anchor: Anchor, whole: Span, spread: Spread) -> Span:
        """The latest stretch: the gain now less the gain at the validation.

        Each of the two is against baseline runs of its own time, so its variance is twice that of
        one such difference.
        """
        variances = 2 * (1 / len(self.of_baseline.values) + 1 / len(self.of_incumbent.values))
        holdout = None
        if whole.holdout is not None and anchor.holdout_gain is not None:
            value = whole.holdout.value - anchor.holdout_gain
            holdout = _estimate(value, spread.holdout, variances)
        return Span(
            since=f"trial {anchor.trial.number}",
            claimed=self._claimed_since(anchor.trial),
            seen=_estimate(whole.seen.value - anchor.gain, spread.objective, variances),
            holdout=holdout,
        )

    def _claimed_since(self, trial: TrialRecord) -> float:
        if trial.value is None or self.incumbent.value is None:
            raise ValueError("a kept trial has a value")
        return self.goal.gain(old=trial.value, new=self.incumbent.value)


def spread_of(runs: Iterable[RunRecord], *, metric: str, holdout_metric: str) -> Spread:
    """The noise that repeats at all checkpoints so far have shown."""
    runs = list(runs)
    return Spread(
        objective=pooled_noise(_groups(runs, metric, exclude=Purpose.HOLDOUT)),
        holdout=pooled_noise(_groups(runs, holdout_metric, only=Purpose.HOLDOUT)),
    )


def _groups(
    runs: Iterable[RunRecord],
    metric: str,
    *,
    only: Purpose | None = None,
    exclude: Purpose | None = None,
) -> list[list[float]]:
    """Values of one metric, those of the same trial at the same checkpoint together."""
    counted = [
        run
        for run in runs
        if run.outcome is Outcome.MEASURED
        and run.purpose in ((only,) if only else tuple(Purpose))
        and run.purpose is not exclude
        and metric in run.metrics
    ]
    counted.sort(key=_group)
    return [[run.metrics[metric] for run in group] for _, group in groupby(counted, _group)]


def _group(run: RunRecord) -> tuple[int, int]:
    return run.checkpoint or 0, run.trial


def _estimate(value: float, noise: Noise, variances: float) -> Estimate:
    return estimate(value, noise, variances=variances, confidence=ONE_SIDED)


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _gains(whole: Span) -> dict[str, JsonValue]:
    return {
        "claimed_gain": whole.claimed,
        "gain": whole.seen.value,
        "gain_low": _finite(whole.seen.low),
        "gain_high": _finite(whole.seen.high),
        "holdout_gain": None if whole.holdout is None else whole.holdout.value,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
