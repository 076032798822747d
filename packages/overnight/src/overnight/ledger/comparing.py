"""Writing comparisons: their arms, and when they are done."""

from collections.abc import Mapping, Sequence

from sqlalchemy import insert, update

from overnight.ledger import schema, writing
from overnight.ledger.records import NewArm
from overnight.ledger.writing import Writer, inserted
from overnight.types import JsonValue, Outcome, Purpose


class ComparisonWriter(Writer):
    """The life of a comparison."""

    def begin_comparison(self, settings: Mapping[str, JsonValue], arms: Sequence[NewArm]) -> int:
        """Record a comparison with all of its arms; returns its id."""
        with self.transaction() as connection:
            comparison = inserted(
                connection,
                schema.comparisons,
                started_at=writing.now(),
                settings=dict(settings),
            )
            for arm in arms:
                connection.execute(
                    insert(schema.arms).values(
                        comparison=comparison,
                        name=arm.name,
                        repeat=arm.repeat,
                        branch=f"{self.study.name}-c{comparison}-{arm.name}-{arm.repeat}",
                        settings=dict(arm.settings),
                    )
                )
        return comparison

    def abandon_runs_on_devices(self, *, reason: str) -> None:
        """Mark the runs that were cut off while a device was made ready for an arm."""
        runs = schema.runs.c
        with self.transaction() as connection:
            connection.execute(
                update(schema.runs)
                .where(runs.purpose == Purpose.DEVICE, runs.outcome.is_(None))
                .values(outcome=Outcome.INTERRUPTED, reason=reason)
            )

    def end_comparison(self, comparison: int) -> None:
        """Record that its last measurement is made."""
        with self.transaction() as connection:
            connection.execute(
                update(schema.comparisons)
                .where(schema.comparisons.c.id == comparison)
                .values(ended_at=writing.now())
            )
