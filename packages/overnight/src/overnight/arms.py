"""From what a user asks for to the arms of a comparison: values in, values out."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from string import ascii_lowercase

from pydantic import ValidationError

from overnight.compare.schedules import EqualBudget, Order, Schedule
from overnight.config import ArmTable, BudgetTable, CompareTable, ResearcherTable
from overnight.config.explain import explain
from overnight.errors import StudyFileError
from overnight.ledger.records import NewArm
from overnight.types import JsonValue

CONTROL = "tune"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")


def parse_arm(text: str, *, study: ResearcherTable) -> ArmTable:
    """An arm as ``KIND`` or ``KIND:MODEL`` names it.

    An arm of the study's own kind has the study's settings for it, but for the model.

    Raises:
        StudyFileError: It names no kind.
    """
    kind, _, model = text.partition(":")
    told = study.model_dump() if kind == study.kind else {"kind": kind}
    if model:
        told["model"] = model
    try:
        return ArmTable.model_validate(told)
    except ValidationError as error:
        raise StudyFileError(explain(f"The arm {text!r}", "", error)) from error


def with_control(arms: Sequence[ArmTable]) -> list[ArmTable]:
    """The arms, and one that needs no model, unless there is such a one."""
    if any(arm.kind == CONTROL for arm in arms):
        return list(arms)
    return [*arms, ArmTable(kind=CONTROL)]


def with_itself(arms: Sequence[ArmTable]) -> list[ArmTable]:
    """The first arm twice and nothing else: what chance alone makes of one researcher."""
    return [arms[0], arms[0]]


def named(arms: Sequence[ArmTable]) -> list[ArmTable]:
    """The same arms, each with a name of its own.

    Raises:
        StudyFileError: There are fewer than two.
    """
    if len(arms) < 2:
        raise StudyFileError(
            "A comparison needs at least two arms.",
            fix="Write --arm KIND[:MODEL] twice, add --control, or --aa for one against itself.",
        )
    names = [arm.name or _name(arm) for arm in arms]
    taken = {name for name, often in Counter(names).items() if often == 1}
    found = []
    for arm, name in zip(arms, names, strict=True):
        own = name if name in taken else _free_name(name, taken)
        taken.add(own)
        found.append(arm.model_copy(update={"name": own}))
    return found


def new_arms(arms: Sequence[ArmTable], *, repeats: int) -> list[NewArm]:
    """Each night of each arm, as the ledger records it."""
    return [
        NewArm(arm.name or "", repeat, arm.model_dump(mode="json"))
        for repeat in range(1, repeats + 1)
        for arm in arms
    ]


def settings_of(table: CompareTable, budget: BudgetTable) -> Mapping[str, JsonValue]:
    """How a comparison is run, as the ledger records it; its arms are recorded beside it."""
    told = table.model_copy(update={"budget": budget, "arms": ()}).model_dump(mode="json")
    del told["arms"]
    return told


def schedule_of(
    table: CompareTable, arms: Sequence[str], *, repeat: int, devices: int = 1
) -> Schedule:
    """The order of turns in one of the arms' nights; another one in each."""
    seed = table.seed * 1000 + repeat
    return Schedule(tuple(arms), Order(table.order), seed=seed, devices=devices)


def equal_budget(budget: BudgetTable) -> EqualBudget:
    """What every arm may use up."""
    return EqualBudget(
        device_s=None if budget.device_hours is None else budget.device_hours * 3600,
        wall_s=None if budget.hours is None else budget.hours * 3600,
        trials=budget.trials,
        agent_tokens=budget.agent_tokens,
        money_usd=budget.money_usd,
    )


def _name(arm: ArmTable) -> str:
    parts = (arm.kind, arm.model) if arm.model else (arm.kind,)
    return "-".join(_NOT_IN_NAMES.sub("-", part).strip("-") for part in parts)[:50]


def _free_name(name: str, taken: Collection[str]) -> str:
    """A name with a letter, or two, behind it that no other arm has."""
    letters = (f"{first}{second}" for first in ("", *ascii_lowercase) for second in ascii_lowercase)
    return next(own for letter in letters if (own := f"{name}-{letter}") not in taken)
