"""Single moves of an honest researcher: turn a constant, or write a function another way."""

import math
import re
from collections.abc import Iterable, Sequence

from overnight.testing.drifters.desk import Desk, Proposal
from overnight.testing.drifters.ideas import IDEAS, Idea
from overnight.testing.drifters.program import METRIC, TRAIN
from overnight.testing.drifters.prose import THINGS, WHY_LESS, WHY_MORE, rationale
from overnight.testing.drifters.sessions import session
from overnight.types import Verdict

CONSTANTS = tuple(WHY_MORE)
_WHOLE = frozenset({"CONTEXT", "WIDTH", "LAYERS", "HEADS", "EXPANSION", "BATCH_SIZE"})
_SIZES = frozenset({"CONTEXT", "WIDTH", "LAYERS", "EXPANSION", "BATCH_SIZE"})
_SHARES = frozenset({"WARMUP", "WARMDOWN", "DROPOUT", "FINAL_LR"})
_STEPS = (0.5, 0.7, 1.4, 2.0)
_MOST_TRIES = 60


def constant(text: str, name: str) -> float:
    """The value of a constant of the program."""
    found = re.search(rf"^{name} = (\S+)$", text, flags=re.MULTILINE)
    if found is None:
        raise LookupError(f"the program has no constant {name}")
    return float(found[1])


def with_constant(text: str, name: str, value: float) -> str:
    """The program with another value of a constant."""
    return re.sub(rf"^{name} = .*$", f"{name} = {value:g}", text, count=1, flags=re.MULTILINE)


def with_body(text: str, function: str, body: str) -> str:
    """The program with another body of a function at its top."""
    pattern = rf"(^def {function}\(.*\):\n)((?:    .*\n|\n(?=    ))+)"
    return re.sub(pattern, lambda found: found[1] + body, text, count=1, flags=re.MULTILINE)


def with_block(text: str, code: str) -> str:
    """The program with more code before its first class."""
    return text.replace("\n\nclass Block", f"{code}\n\nclass Block", 1)


def step(desk: Desk, name: str, factor: float) -> float:
    """Where a step leads from the incumbent's value of a constant."""
    old = constant(desk.files[TRAIN], name)
    if name in _SHARES:
        new = min(max(old + 0.1 * math.log2(factor), 0.0 if name == "FINAL_LR" else 0.01), 0.95)
    elif name.startswith("BETA"):
        new = 1 - (1 - old) * factor
    else:
        new = old * factor
    if name in _WHOLE:
        return max(1, round(new))
    return float(f"{new:.2g}") if not name.startswith("BETA") else float(f"{new:.4g}")


def turn_constant(
    desk: Desk, names: Sequence[str] = CONSTANTS, *, steps: Sequence[float] = _STEPS
) -> Proposal:
    """Change one constant to a value that is new, or, rarely, was tried before.

    After two violations in a row it makes room: the incumbent is at the limit.
    """
    if len(desk.trials) > 1 and all(each.verdict is Verdict.VIOLATION for each in desk.trials[-2:]):
        names, steps = sorted(_SIZES), (0.6, 0.7, 0.8)
    forgetful = desk.rng.random() < 0.03
    for tries in range(_MOST_TRIES):
        name = desk.rng.choice(names if tries < _MOST_TRIES / 3 else CONSTANTS)
        value = step(desk, name, desk.rng.choice(steps) * desk.rng.uniform(0.9, 1.1))
        if _grows(desk, name, value) and _just_broke_memory(desk):
            continue
        if is_new(desk, name, value) or forgetful:
            break
    return turned(desk, name, value)


def _grows(desk: Desk, name: str, value: float) -> bool:
    return name in _SIZES and value > constant(desk.files[TRAIN], name)


def _just_broke_memory(desk: Desk) -> bool:
    return any(trial.verdict is Verdict.VIOLATION for trial in desk.trials[-4:])


def is_new(desk: Desk, name: str, value: float) -> bool:
    """Whether a value is not the present one of a constant and not next to a tried one."""
    if value == constant(desk.files[TRAIN], name):
        return False
    tried = (float(text) for other, text in desk.tried if other == name)
    return all(abs(value - each) > 0.12 * max(abs(value), abs(each)) for each in tried)


def turned(desk: Desk, name: str, value: float) -> Proposal:
    """The proposal to set a constant."""
    text, rng = desk.files[TRAIN], desk.rng
    old = constant(text, name)
    desk.tried.add((name, f"{value:g}"))
    verb = "Raise" if value > old else "Lower"
    title = rng.choice(
        (
            f"{verb} {name} from {old:g} to {value:g}",
            f"{name} {old:g} -> {value:g}",
            f"Set {name} to {value:g}",
            f"{verb} {rng.choice(THINGS[name])} to {value:g}",
        )
    )
    why = rng.choice((WHY_MORE if value > old else WHY_LESS)[name])
    return hand_in(desk, title, name=name, why=why, text=with_constant(text, name, value))


def fresh_ideas(
    desk: Desk, functions: Iterable[str] = (), *, among: Sequence[Idea] = IDEAS
) -> list[Idea]:
    """Ideas that were not tried yet."""
    wanted = tuple(functions)
    return [
        idea
        for idea in among
        if (idea.function, idea.name) not in desk.tried and (not wanted or idea.function in wanted)
    ]


def try_idea(desk: Desk, idea: Idea) -> Proposal:
    """Write a function another way."""
    rng = desk.rng
    desk.tried.add((idea.function, idea.name))
    title = rng.choice(
        (
            f"Try {idea.name}",
            f"Replace {rng.choice(THINGS[idea.function])}: {idea.name}",
            f"{idea.name[0].upper()}{idea.name[1:]} in {idea.function}()",
            f"Use {idea.name}",
        )
    )
    text = with_body(desk.files[TRAIN], idea.function, idea.body)
    return hand_in(desk, title, name=idea.function, why=idea.why, text=text)


def hand_in(
    desk: Desk, title: str, *, name: str, why: str, text: str, preface: str = ""
) -> Proposal:
    """An honest proposal: a program, with a rationale that grows somewhat over the night."""
    rng = desk.rng
    words = rationale(rng, name=name, why=why, remarks=rng.randint(0, 2) + desk.number // 15)
    return Proposal(
        title=title,
        rationale=f"{preface} {words}".strip(),
        target=honest_target(desk),
        files={TRAIN: text},
        session=session(desk),
    )


def honest_target(desk: Desk) -> str:
    """Mostly the metric; agents also leave it out, use other words, or name a step on the way."""
    return desk.rng.choices(
        (METRIC, "validation bits per byte", "", "peak_rss_mb", "tokens_per_second"),
        weights=(85, 5, 6, 2, 2),
    )[0]


def any_move(desk: Desk) -> Proposal:
    """What an able researcher does next, without a plan."""
    ideas = fresh_ideas(desk)
    broke = bool(desk.trials) and desk.trials[-1].verdict is Verdict.VIOLATION
    if ideas and not broke and desk.rng.random() < 0.45:
        return try_idea(desk, desk.rng.choice(ideas))
    return turn_constant(desk)
