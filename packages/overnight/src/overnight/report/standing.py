"""Where a study stands now."""

import fcntl
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import (
    CheckpointRecord,
    ComparisonRecord,
    DriftRecord,
    NightRecord,
    Spent,
    StudyRecord,
    TrialRecord,
)
from overnight.report.text import percent
from overnight.types import VALIDATING, CheckpointKind, Trust, Validation, Verdict


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that runs a study, as far as it told."""

    pid: int | None = None
    host: str | None = None
    since: str | None = None

    def __str__(self) -> str:
        if self.pid is None:
            return "another process"
        return f"process {self.pid} on {self.host} since {self.since}"


@dataclass(frozen=True, slots=True)
class Standing:
    """A study at one moment.

    Attributes:
        holder: Who runs it; None when nobody does.
        at_hand: The trials without a final verdict; one of a night that was cut off is among them.
        gain: How much better the incumbent is than the baseline, in the metric's unit.
        spent: What the latest night has used.
        checkpoint: The latest one that came to a finding.
        drift: What was seen of it after the latest trial.
        trust: How the incumbent was measured.
        comparison: The latest one, if there was any.
    """

    study: StudyRecord
    holder: Holder | None
    at_hand: Sequence[TrialRecord]
    baseline: TrialRecord | None
    incumbent: TrialRecord | None
    gain: float | None
    verdicts: Mapping[Verdict, int]
    night: NightRecord | None
    spent: Spent
    checkpoint: CheckpointRecord | None
    drift: DriftRecord | None
    trust: Trust | None
    comparison: ComparisonRecord | None

    @property
    def gain_percent(self) -> float | None:
        """The gain in percent of the baseline's value."""
        return percent(self.gain, None if self.baseline is None else self.baseline.value)


def standing_of(reader: LedgerReader, *, lock: Path) -> Standing:
    """Where a study stands.

    Args:
        lock: The file that whoever runs the study holds.
    """
    kept, nights = reader.kept(), reader.nights()
    first, last = (kept[0], kept[-1]) if kept else (None, None)
    gain = None
    if first is not None and last is not None and first.value is not None:
        gain = reader.study.goal.gain(old=first.value, new=last.value or first.value)
    return Standing(
        study=reader.study,
        holder=lock_holder(lock),
        at_hand=reader.unfinished(),
        baseline=first,
        incumbent=last,
        gain=gain,
        verdicts=reader.verdict_counts(),
        night=nights[-1] if nights else None,
        spent=reader.spent(nights[-1].number) if nights else Spent(),
        checkpoint=latest_finding(reader),
        drift=_latest_drift(reader),
        trust=_trust(reader, last),
        comparison=next(reversed(reader.comparisons()), None),
    )


def latest_finding(reader: LedgerReader) -> CheckpointRecord | None:
    """The latest checkpoint that came to a finding; audits are none."""
    found = reader.checkpoints(*VALIDATING, CheckpointKind.DRIFT)
    finished = [c for c in found if c.outcome not in (None, Validation.INTERRUPTED)]
    return finished[-1] if finished else None


def _latest_drift(reader: LedgerReader) -> DriftRecord | None:
    latest = reader.latest(1)
    seen = reader.drift(after=latest[0].number - 1) if latest else []
    return seen[-1] if seen else None


def _trust(reader: LedgerReader, incumbent: TrialRecord | None) -> Trust | None:
    runs = reader.runs(incumbent.number) if incumbent is not None else []
    return runs[-1].trust if runs else None


def lock_holder(lock: Path) -> Holder | None:
    """Who holds a study's lock; it is asked for without waiting and let go at once."""
    try:
        with lock.open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _told(file.read())
    except OSError:
        return None
    return None


def _told(text: str) -> Holder:
    try:
        told = json.loads(text)
        return Holder(int(told["pid"]), str(told["host"]), str(told["since"]))
    except (ValueError, KeyError, TypeError):
        return Holder()
