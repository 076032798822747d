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

    @property
    def is_code(self) -> bool:
        """Whether it has no constant and no description, which go by their names."""
        return all(mark.kind is Kind.CODE for mark in self.marks)

    def takes(self, mark: Mark) -> bool:
        """Whether a mark fits; words that fit two constants do not make them one."""
        constants = {other.name for other in self.marks if other.kind is Kind.CONSTANT}
        if mark.kind is Kind.CONSTANT and constants:
            return mark.name in constants
        return any(mark.fits(other) for other in self.marks)


def finds(arms: Sequence[ArmRecord]) -> list[Find]:
    """Everything that stands in any arm, those of several arms first, then by gain."""
    piles: dict[str, list[_Pile]] = {}
    for arm in arms:
        for trial in arm.trials:
            if trial.kept:
                _put(piles, arm.name, trial)
    found = [_find(pile) for pile in _merged([pile for some in piles.values() for pile in some])]
    return sorted(found, key=lambda find: (-len(find.arms), -find.gain, find.name))


def shared(found: Sequence[Find]) -> list[Find]:
    """What more than one arm found, by gain."""
    several = [find for find in found if len(find.arms) > 1]
    return sorted(several, key=lambda find: -find.gain)


def own(found: Sequence[Find], arm: str) -> list[Find]:
    """What only this arm found, by gain."""
    return [find for find in found if find.arms == [arm]]


def _put(piles: dict[str, list[_Pile]], arm: str, trial: ArmTrial) -> None:
    for mark in marks_of(trial):
        some = piles.setdefault(mark.key, [])
        pile = next((pile for pile in some if pile.takes(mark)), None)
        if pile is None:
            pile = _Pile([])
            some.append(pile)
        if mark not in pile.marks:
            pile.marks.append(mark)
        if not any(member is trial for _, member, _ in pile.members):
            pile.members.append((arm, trial, mark))


def _merged(piles: list[_Pile]) -> list[_Pile]:
    """Piles of code put together where another arm did the same under other names."""
    found: list[_Pile] = []
    for pile in piles:
        alike = _alike(pile, found) if pile.is_code and len(found) < _MOST_COMPARED else None
        if alike is None:
            found.append(pile)
        else:
            known = {id(trial) for _, trial, _ in alike.members}
            alike.marks += pile.marks
            alike.members += [each for each in pile.members if id(each[1]) not in known]
    return found


def _alike(pile: _Pile, others: Sequence[_Pile]) -> _Pile | None:
    """The first pile of code of which some change is the same as one in here."""
    code = (other for other in others if other.is_code)
    return next((other for other in code if (_likeness(pile, other) or 0.0) >= ALIKE), None)


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
