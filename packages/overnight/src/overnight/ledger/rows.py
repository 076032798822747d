"""Rows of the ledger as values."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from overnight.ledger.records import (
    Attempt,
    CheckpointRecord,
    EventRecord,
    NightRecord,
    RunRecord,
    StudyRecord,
    TrialRecord,
)
from overnight.types import (
    CheckpointKind,
    EventKind,
    Goal,
    Outcome,
    Phases,
    Purpose,
    State,
    Trust,
    Usage,
    Validation,
    Verdict,
)


def time(text: str) -> datetime:
    """A time as the ledger writes it."""
    return datetime.fromisoformat(text)


def time_or_none(text: str | None) -> datetime | None:
    """Likewise, where it may be missing."""
    return None if text is None else datetime.fromisoformat(text)


def study_record(row: Row[Any]) -> StudyRecord:
    """A row of the table of the study."""
    return StudyRecord(
        id=row.id,
        name=row.name,
        metric=row.metric,
        goal=Goal(row.goal),
        baseline_commit=row.baseline_commit,
        created_at=time(row.created_at),
    )


def night_record(row: Row[Any]) -> NightRecord:
    """A row of the nights."""
    return NightRecord(
        row.number, time(row.started_at), time_or_none(row.ended_at), row.end_reason, row.arm
    )


def trial_record(row: Row[Any]) -> TrialRecord:
    """A row of `TRIAL_COLUMNS` as a value."""
    return TrialRecord(
        number=row.number,
        night=row.night,
        state=State(row.state),
        verdict=None if row.verdict is None else Verdict(row.verdict),
        reason=row.reason or "",
        researcher=row.researcher,
        model=row.model,
        parent_commit=row.parent_commit,
        commit=row.commit,
        tree=row.tree,
        title=row.title,
        rationale=row.rationale,
        details=row.details,
        lines_added=row.lines_added,
        lines_removed=row.lines_removed,
        value=row.value,
        to_beat=row.to_beat,
        demoted_after=row.demoted_after,
        target=row.target,
        created_at=time(row.created_at),
        proposed_at=time_or_none(row.proposed_at),
        finished_at=time_or_none(row.finished_at),
        phases=Phases(row.thinking_s, row.guards_s, row.measuring_s, row.idle_s),
    )


def run_record(row: Row[Any]) -> RunRecord:
    """A row of the runs."""
    return RunRecord(
        id=row.id,
        trial=row.trial,
        ordinal=row.ordinal,
        started_at=time(row.started_at),
        outcome=None if row.outcome is None else Outcome(row.outcome),
        reason=row.reason or "",
        exit_code=row.exit_code,
        duration_s=row.duration_s,
        output_bytes=row.output_bytes,
        metrics=row.metrics,
        trust=Trust(row.trust),
        purpose=Purpose(row.purpose),
        checkpoint=row.checkpoint,
        device=row.device,
        block=row.block,
    )


def checkpoint_record(row: Row[Any]) -> CheckpointRecord:
    """A row of the checkpoints."""
    return CheckpointRecord(
        id=row.id,
        night=row.night,
        kind=CheckpointKind(row.kind),
        after_trial=row.after_trial,
        incumbent=row.incumbent,
        started_at=time(row.started_at),
        finished_at=time_or_none(row.finished_at),
        outcome=None if row.outcome is None else Validation(row.outcome),
        reason=row.reason,
        culprit=row.culprit,
        branch_from=row.branch_from,
        facts=row.facts,
    )


def event_record(row: Row[Any]) -> EventRecord:
    """A row of the events."""
    return EventRecord(
        row.id, time(row.at), row.night, row.trial, EventKind(row.kind), row.text, row.details
    )


def attempt_record(row: Row[Any]) -> Attempt:
    """A row of the attempts."""
    return Attempt(
        outcome=row.outcome,
        message=row.message,
        started_at=time(row.started_at),
        duration_s=row.duration_s,
        usage=Usage(
            input_tokens=row.input_tokens,
            cached_input_tokens=row.cached_input_tokens,
            output_tokens=row.output_tokens,
            reasoning_tokens=row.reasoning_tokens,
            cost_usd=row.cost_usd,
            priced_by=row.priced_by,
        ),
        commands=tuple(row.commands),
        refused=tuple(row.refused),
    )
