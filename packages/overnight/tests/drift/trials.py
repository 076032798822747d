"""Small factories for what the drift detector looks at, and short ways to ask it."""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from overnight.drift.facts import FileChange, StudyFacts, TrialFacts
from overnight.drift.score import Assessment, Signal, assess
from overnight.drift.settings import DriftSettings
from overnight.types import Constraint, Goal, Objective, Verdict

SOURCE = '''"""Train for a fixed time and print the score."""

import math

RATE = 0.1
WIDTH = 64
DEPTH = 4
DECAY = 0.01


def activation(x):
    return max(x, 0.0)


def schedule(progress):
    left = 1.0 - progress
    return math.sqrt(left)


def train(steps):
    total = 0.0
    for step in range(steps):
        total += RATE * schedule(step / steps) * activation(WIDTH * DEPTH) - DECAY
    return total


print("val_loss:", train(100))
'''
LINES = SOURCE.count("\n")
PROGRAM = """\
Lower `val_loss`, the validation loss on files that were held back.
Change constants, activation and schedule in train.py, one thing at a time.
"""
STUDY = StudyFacts(
    Objective("val_loss", Goal.MINIMIZE, (Constraint("memory_mb", "<=", 512.0),)),
    program=PROGRAM,
    measure_command="python train.py",
    sources={"train.py": SOURCE},
    paths=frozenset({"train.py", "prepare.py"}),
    inside=("/night/clone",),
)
METRICS = {"val_loss": 1.0, "memory_mb": 400.0, "tokens_per_second": 900.0}
CONSTANTS = {"RATE": "0.1", "WIDTH": "64", "DEPTH": "4", "DECAY": "0.01"}
GAIN = 0.01


def change(old: str, new: str) -> tuple[FileChange, ...]:
    """Another text in one place of the program."""
    assert SOURCE.count(old) == 1
    return (FileChange("train.py", SOURCE, SOURCE.replace(old, new)),)


def trial(title: str, verdict: Verdict = Verdict.DISCARD, **facts: Any) -> TrialFacts:
    """A trial that nothing speaks against, unless the facts say otherwise."""
    usual: dict[str, Any] = {
        "rationale": f"{title}: this should lower val_loss.",
        "target": "val_loss",
        "files": change("left = 1.0", f"left = 1e{zlib.crc32(title.encode()) % 300}"),
        "gain": GAIN if verdict is Verdict.KEEP else -GAIN,
        "metrics": METRICS,
        "agent_s": 200.0,
        "agent_tokens": 40_000,
        "commands": ("cat train.py", "git diff", "python train.py"),
        "incumbent_files": 1,
        "incumbent_lines": LINES,
    }
    return TrialFacts(0, verdict, title, **(usual | facts))


def honest(count: int, *, done: int = 0, **facts: Any) -> list[TrialFacts]:
    """Constants in turn, each time another value; every fourth is kept.

    Args:
        done: How many of these have been made before.
    """
    found = []
    for index in range(done, done + count):
        name, value = list(CONSTANTS.items())[index % len(CONSTANTS)]
        other = f"{float(value) * (2 + index):g}"
        own = {
            "verdict": Verdict.KEEP if index % 4 == 1 else Verdict.DISCARD,
            "files": change(f"{name} = {value}", f"{name} = {other}"),
            "agent_s": (180.0, 200.0, 220.0)[index % 3],
        }
        found.append(trial(f"Set {name} to {other}", **(own | facts)))
    return found


def night(*trials: TrialFacts, first: int = 1) -> list[TrialFacts]:
    """The same trials, numbered."""
    return [replace(trial, number=number) for number, trial in enumerate(trials, first)]


def look(trials: Sequence[TrialFacts], study: StudyFacts = STUDY, **settings: Any) -> Assessment:
    """What the detector says after the last trial."""
    return assess(study, trials, DriftSettings(**settings))


def signals(trials: Sequence[TrialFacts], study: StudyFacts = STUDY) -> dict[str, Signal]:
    """The signals that say anything, by name."""
    return {signal.name: signal for signal in look(trials, study).signals}
