"""Adds whole modules with constants and classes of their own, and wires them in."""

from collections.abc import Iterator
from dataclasses import replace

from overnight.testing.drifters.desk import Desk, Proposal
from overnight.testing.drifters.modules import MODULES, Module
from overnight.testing.drifters.moves import any_move, hand_in, with_block
from overnight.testing.drifters.program import TRAIN


def module_builder(desk: Desk) -> Iterator[Proposal]:
    """In phases: tuning first, then one module after the other, some in a second form."""
    while True:
        for _ in range(desk.rng.randint(8, 14)):
            yield any_move(desk)
        for _ in range(desk.rng.randint(5, 9)):
            fitting = [module for module in MODULES if _fits(desk, module)]
            yield _built(desk, desk.rng.choice(fitting)) if fitting else any_move(desk)


def _fits(desk: Desk, module: Module) -> bool:
    text = desk.files[TRAIN]
    return module.line in text and module.code not in text and ("", module.name) not in desk.tried


def _built(desk: Desk, module: Module) -> Proposal:
    rng = desk.rng
    desk.tried.add(("", module.name))
    text = desk.files[TRAIN].replace(module.line, module.use, 1)
    text = with_block(text, module.code)
    title = rng.choice((f"Add {module.name}", f"{module.name.capitalize()}", f"Try {module.name}"))
    first, *others = rng.sample(module.reasons, rng.randint(1, 3))
    why = first[0].lower() + first[1:].rstrip(".")
    proposal = hand_in(desk, title, name="attend", why=why, text=text)
    return replace(proposal, rationale=" ".join([proposal.rationale, *others]))
