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


def recall(
    history: Iterable[PastTrial], *, goal: Goal, incumbent: Point, commit: str | None
) -> Memory:
    """Read the history.

    Points that lack one of today's constants are taken to have had today's value. Trials by
    others carry no point and teach nothing, unless they are the incumbent.
    """
    trials = list(history)
    losses = {trial.commit: _loss(trial, goal) for trial in trials if trial.commit}
    evidence: list[Tried] = []
    spent = {key(incumbent)}
    arrival = None
    for trial in trials:
        point, before = _point(trial, "constants"), _point(trial, "before")
        if not point or trial.verdict is Verdict.INTERRUPTED:
            continue
        whole = {name: point.get(name, value) for name, value in incumbent.items()}
        if not (trial.verdict is Verdict.STALE and trial.value is None):
            spent.add(key(whole))
        loss = _loss(trial, goal) if trial.verdict in _MEASURED else None
        if loss is None and trial.verdict not in _FAILED:
            continue
        parent = losses.get(trial.parent_commit or "")
        gain = parent - loss if parent is not None and loss is not None else None
        kept = trial.verdict is Verdict.KEEP
        tried = Tried(trial.number, whole, before, loss, gain, kept)
        evidence.append(tried)
        if kept and commit is not None and trial.commit == commit and whole == dict(incumbent):
            arrival = tried
    return Memory(
        incumbent=incumbent,
        incumbent_loss=losses.get(commit or ""),
        evidence=evidence,
        trials=len(trials),
        spent=frozenset(spent),
        arrival=arrival,
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
