"""What did several arms find by themselves, and what did only one?

Kept proposals are described by what they change and put together where they turned the same screw,
or did the same in code of other names.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from overnight.compare.marks import Kind, Mark, marks_of
from overnight.compare.phrases import Direction
from overnight.compare.records import ArmRecord, ArmTrial
from overnight.drift.edits import likeness, read_edit

ALIKE = 0.5  # from here on two changes of code are the same idea
_MOST_COMPARED = 200


@dataclass(frozen=True, slots=True)
class Step:
    """One kept proposal's part in a find.

    Attributes:
        gain: Of the whole proposal as it was recorded; None where that is not known.
    """

    arm: str
    number: int
    title: str
    direction: Direction
    gain: float | None


@dataclass(frozen=True, slots=True)
class Find:
    """One thing that made results better.

    Attributes:
        name: As its first finder wrote it.
        names: Other ways in which it is written.
        steps: The proposals, by arm and in their order. A proposal that changed several things is
            a step of each of those finds, with all of its gain.
        likeness: How much of the code of two arms' changes is the same at most, from 0 to 1; None
            where no code is known or only one arm has it.
    """

    name: str
    names: tuple[str, ...]
    steps: tuple[Step, ...]
    likeness: float | None

    @property
    def arms(self) -> list[str]:
        """Who found it."""
        return list(dict.fromkeys(step.arm for step in self.steps))

    @property
    def gain(self) -> float:
        """Of all steps; what is not known counts as nothing."""
        return sum(step.gain or 0.0 for step in self.steps)

    def of(self, arm: str) -> list[Step]:
        """One arm's steps."""
        return [step for step in self.steps if step.arm == arm]


@dataclass(slots=True)
class _Pile:
    """Marks that fit, with the proposals that have them."""

    marks: list[Mark]
    members: list[tuple[str, ArmTrial, Mark]] = field(default_factory=list)


def finds(arms: Sequence[ArmRecord]) -> list[Find]:
    """Everything that stands in any arm, those of several arms first, then by gain."""
    piles: list[_Pile] = []
    for arm in arms:
        for trial in arm.trials:
            if trial.kept:
                _put(piles, arm.name, trial)
    _merge_alike(piles)
    found = [_find(pile) for pile in piles]
    return sorted(found, key=lambda find: (-len(find.arms), -find.gain, find.name))


def shared(found: Sequence[Find]) -> list[Find]:
    """What more than one arm found, by gain."""
    several = [find for find in found if len(find.arms) > 1]
    return sorted(several, key=lambda find: -find.gain)


def own(found: Sequence[Find], arm: str) -> list[Find]:
    """What only this arm found, by gain."""
    return [find for find in found if find.arms == [arm]]


def _put(piles: list[_Pile], arm: str, trial: ArmTrial) -> None:
    for mark in marks_of(trial):
        pile = next((p for p in piles if any(mark.fits(other) for other in p.marks)), None)
        if pile is None:
            pile = _Pile([])
            piles.append(pile)
        if mark not in pile.marks:
            pile.marks.append(mark)
        if not any(member is trial for _, member, _ in pile.members):
            pile.members.append((arm, trial, mark))


def _merge_alike(piles: list[_Pile]) -> None:
    """Put code of other names together where the statements are the same."""
    code = [pile for pile in piles if all(mark.kind is Kind.CODE for mark in pile.marks)]
    for place, pile in enumerate(code[:_MOST_COMPARED]):
        for other in code[place + 1 : _MOST_COMPARED]:
            if other in piles and pile in piles and (_likeness(pile, other) or 0.0) >= ALIKE:
                pile.marks += other.marks
                known = {id(trial) for _, trial, _ in pile.members}
                pile.members += [each for each in other.members if id(each[1]) not in known]
                piles.remove(other)


def _likeness(pile: _Pile, other: _Pile) -> float | None:
    """Of the most alike changes of different arms."""
    return max(
        (
            likeness(read_edit(one.files), read_edit(two.files))
            for arm, one, _ in pile.members
            for their, two, _ in other.members
            if arm != their and one.files and two.files
        ),
        default=None,
    )


def _find(pile: _Pile) -> Find:
    names = list(dict.fromkeys(mark.name for mark in pile.marks))
    return Find(
        name=names[0],
        names=tuple(names[1:]),
        steps=tuple(_steps(pile)),
        likeness=_likeness(pile, pile),
    )


def _steps(pile: _Pile) -> Iterator[Step]:
    for arm, trial, mark in pile.members:
        yield Step(arm, trial.number, trial.title, mark.direction, trial.gain)
