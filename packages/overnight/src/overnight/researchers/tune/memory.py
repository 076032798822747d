"""What a search knows: the ledger's past trials, read as points and losses."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from overnight.researchers.tune.literals import Value
from overnight.types import Goal, JsonValue, PastTrial, Verdict

Point: TypeAlias = Mapping[str, Value]

_MEASURED = {Verdict.KEEP, Verdict.DISCARD, Verdict.STALE}
_FAILED = {Verdict.VIOLATION, Verdict.CRASH, Verdict.TIMEOUT, Verdict.NO_METRIC}


@dataclass(frozen=True, slots=True)
class Tried:
    """One measured or failed trial.

    Attributes:
        before: The old values of what it changed; empty for a point that tune did not propose.
        loss: Lower is better; None where it failed.
        gain: How much lower than its parent's loss; None where either is unknown.
    """

    number: int
    point: Point
    before: Point
    loss: float | None
    gain: float | None
    kept: bool


@dataclass(frozen=True, slots=True)
class Memory:
    """Everything that past trials say.

    Attributes:
        incumbent: The constants as they stand in the clone.
        incumbent_loss: None where no trial measured the incumbent.
        evidence: Oldest first.
        trials: How many have ended, told or not; makes a repeated question a new one.
        spent: Keys of the points that must not be proposed again.
        arrival: The trial that made the incumbent what it is, when tune proposed it.
    """

    incumbent: Point
    incumbent_loss: float | None
    evidence: Sequence[Tried]
    trials: int
    spent: frozenset[frozenset[tuple[str, Value]]]
    arrival: Tried | None


def key(point: Point) -> frozenset[tuple[str, Value]]:
    """What makes two points the same."""
    return frozenset(point.items())


def details(point: Point, *, incumbent: Point, move: str) -> Mapping[str, JsonValue]:
    """What a draft says for `recall` to read again."""
    before = {name: old for name, old in incumbent.items() if point[name] != old}
    return {"constants": dict(point), "before": before, "move": move}


def recall(history: Iterable[PastTrial], *, goal: Goal, incumbent: Point, commit: str) -> Memory:
    """Read the history.

    Points that lack one of today's constants are taken to have had today's value. Trials by
    others carry no point and teach nothing, unless they are the incumbent.
    """
    trials = list(history)
    losses: dict[str | None, float | None] = {None: None}
    losses |= {trial.commit: _loss(trial, goal) for trial in trials if trial.commit}
    evidence: list[Tried] = []
    spent = {key(incumbent)}
    arrival = None
    for trial in trials:
        point = _point(trial, "constants")
        if not point or trial.verdict is Verdict.INTERRUPTED:
            continue
        whole = {name: point.get(name, value) for name, value in incumbent.items()}
        if trial.verdict is not Verdict.STALE or trial.value is not None:
            spent.add(key(whole))
        loss = _loss(trial, goal) if trial.verdict in _MEASURED else None
        if loss is None and trial.verdict not in _FAILED:
            continue
        evidence.append(_tried(trial, whole, loss=loss, parent=losses.get(trial.parent_commit)))
        if evidence[-1].kept and trial.commit == commit and whole == incumbent:
            arrival = evidence[-1]
    return Memory(
        incumbent=incumbent,
        incumbent_loss=losses.get(commit),
        evidence=evidence,
        trials=len(trials),
        spent=frozenset(spent),
        arrival=arrival,
    )


def _tried(trial: PastTrial, point: Point, *, loss: float | None, parent: float | None) -> Tried:
    return Tried(
        number=trial.number,
        point=point,
        before=_point(trial, "before"),
        loss=loss,
        gain=parent - loss if parent is not None and loss is not None else None,
        kept=trial.verdict is Verdict.KEEP,
    )


def _loss(trial: PastTrial, goal: Goal) -> float | None:
    if trial.value is None:
        return None
    return trial.value if goal is Goal.MINIMIZE else -trial.value


def _point(trial: PastTrial, field: str) -> Point:
    """The values under a field of a draft's details; empty where another researcher wrote them."""
    found = trial.details.get(field)
    if not isinstance(found, Mapping):
        return {}
    return {name: v for name, v in found.items() if isinstance(v, bool | int | float | str)}
