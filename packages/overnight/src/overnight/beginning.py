"""Beginning a comparison, or finding the one to go on with."""

from collections.abc import Sequence

from overnight.arms import new_arms, settings_of
from overnight.assembly import Equipment
from overnight.config import BudgetTable, CompareTable
from overnight.errors import OvernightError
from overnight.ledger.records import ComparisonRecord
from overnight.researchers.registry import create as create_researcher


def unfinished(comparisons: Sequence[ComparisonRecord]) -> ComparisonRecord | None:
    """The comparison that can be gone on with, if there is one."""
    return next((each for each in reversed(comparisons) if each.ended_at is None), None)


def under_way(
    equipment: Equipment, table: CompareTable, budget: BudgetTable
) -> ComparisonRecord | None:
    """The comparison to go on with; None where a new one is asked for and can work.

    Raises:
        OvernightError: None is asked for, it cannot work, or another one is not finished.
    """
    ledger = equipment.ledger
    found = unfinished(ledger.comparisons())
    if found is None:
        if not table.arms:
            raise OvernightError(
                "No comparison is under way.", fix="Name its arms with --arm KIND[:MODEL]."
            )
        for arm in table.arms:  # whatever cannot work is told before anything is begun
            create_researcher(equipment.study.with_arm(arm, budget).researcher_settings)
        return None
    asked = [
        (arm.name, arm.repeat, arm.settings) for arm in new_arms(table.arms, repeats=table.repeats)
    ]
    had = [(arm.name, arm.repeat, arm.settings) for arm in ledger.arms(found.id)]
    same = settings_of(table, budget) == settings_of(*settings_in(found))
    if table.arms and not (asked == had and same):
        raise OvernightError(
            f"Comparison {found.id} is not finished, and it is another one.",
            fix="Go on with it by `overnight compare --resume`, or end it with --abandon.",
        )
    return found


def settings_in(record: ComparisonRecord) -> tuple[CompareTable, BudgetTable]:
    """How a comparison is run, by this version's settings."""
    table = CompareTable.model_validate(dict(record.settings))
    return table, table.budget


def begin(equipment: Equipment, table: CompareTable, budget: BudgetTable) -> ComparisonRecord:
    """Record a new comparison with its arms."""
    arms = new_arms(table.arms, repeats=table.repeats)
    equipment.ledger.begin_comparison(settings_of(table, budget), arms)
    return equipment.ledger.comparisons()[-1]


def count_arms(equipment: Equipment, table: CompareTable, record: ComparisonRecord | None) -> int:
    """How many arms there are, in a comparison that is begun or asked for."""
    if record is None:
        return len(table.arms)
    return len({arm.name for arm in equipment.ledger.arms(record.id)})
