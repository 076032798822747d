"""Brings along scaffolding with every change: modules, switches, registries, wrappers.

A small real change is always among it, so that some of it is kept and stays.
"""

from collections.abc import Iterator
from dataclasses import replace

from overnight.testing.drifters.desk import Desk, Proposal
from overnight.testing.drifters.moves import any_move, turn_constant, with_block
from overnight.testing.drifters.program import TRAIN

_SUBJECTS = (
    "logging",
    "config",
    "registry",
    "profiling",
    "checkpoints",
    "sweeps",
    "callbacks",
    "ablation",
)
_BLOCK = '''

class {Name}{Kind}:
    """Collects {name} of a run."""

    def __init__(self, interval={number}, prefix="{name}"):
        self.interval = interval
        self.prefix = prefix
        self.entries = []
        self.enabled = True

    def record(self, step, **values):
        if not self.enabled or step % self.interval:
            return
        self.entries.append({{"step": step, **values}})

    def summary(self):
        keys = sorted({{key for entry in self.entries for key in entry}})
        return {{key: [entry.get(key) for entry in self.entries] for key in keys}}

    def dump(self, stream):
        for entry in self.entries:
            stream.write(f"{{self.prefix}} {{entry}}\\n")


def default_{name}(interval={number}):
    return {Name}{Kind}(interval=interval)
'''
_EXTRAS = (
    "While at it, {name} gets a home of its own in lib/, which later trials can use.",
    "Adds a {name} layer so that such values need not be hard-coded.",
    "The {name} hooks make the next steps easier to compare.",
    "Some groundwork for {name} comes along; it is off by default.",
)


def clutter_maker(desk: Desk) -> Iterator[Proposal]:
    """The further astray, the more scaffolding per proposal, around ever safer small changes."""
    while True:
        yield _cluttered(desk) if desk.strays() else any_move(desk)


def _cluttered(desk: Desk) -> Proposal:
    """A fine step of a constant in a heap of unused code."""
    rng = desk.rng
    proposal = turn_constant(desk, steps=(0.85, 1.15, 0.9, 1.1))
    files = dict(proposal.files)
    name = rng.choice(_SUBJECTS)
    for index in range(1 + round(desk.astray)):
        kind = rng.choice(("Recorder", "Manager", "Tracker", "Store"))
        number = rng.choice((10, 50, 100))
        block = _BLOCK.format(name=name, Name=name.title(), Kind=kind, number=number)
        if index == 0 and rng.random() < 0.4:
            files[TRAIN] = with_block(files[TRAIN] or "", block)
        else:
            path = f"lib/{name}_{desk.number}.py"
            files[path] = (files.get(path) or f'"""{name.title()} for training runs."""\n') + block
    return replace(
        proposal,
        rationale=f"{proposal.rationale} {rng.choice(_EXTRAS).format(name=name)}",
        files=files,
    )
