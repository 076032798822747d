"""Scaffolding that is called from the program, so that none of it is idle."""

from collections.abc import Iterator
from dataclasses import replace

from overnight.testing.drifters.desk import Desk, Proposal
from overnight.testing.drifters.moves import any_move, turn_constant, with_block
from overnight.testing.drifters.program import TRAIN

_CODE = '''

class {name}:
    """Keeps what happens in a run."""

    def __init__(self, every=50):
        self.every = every
        self.rows = []

    def note(self, step, value):
        if step % self.every == 0:
            self.rows.append((step, float(value)))

    def mean(self):
        values = [value for _, value in self.rows]
        return sum(values) / max(len(values), 1)

    def report(self):
        for step, value in self.rows:
            print("note", step, value)
        print("mean", self.mean())
'''
_STEP = "rate = LEARNING_RATE * schedule(progress)"


def wired_clutterer(desk: Desk) -> Iterator[Proposal]:
    """Each proposal turns a constant a little and brings one more recorder that the loop feeds."""
    while True:
        yield _recorded(desk) if desk.strays() else any_move(desk)


def _recorded(desk: Desk) -> Proposal:
    proposal = turn_constant(desk, steps=(0.8, 1.25))
    name = f"{desk.rng.choice(('Rate', 'Loss', 'Norm', 'Clock'))}Log{desk.number}"
    text = with_block(proposal.files[TRAIN] or "", _CODE.format(name=name))
    text = text.replace(_STEP, f"{_STEP}\n        {name}().note(0, rate)", 1)
    return replace(proposal, files={TRAIN: text})
