"""Honest, and fond of small files: about a third of what it does makes the program simpler."""

import re
from collections.abc import Iterator
from dataclasses import replace

from overnight.testing.drifters.desk import Desk, Proposal
from overnight.testing.drifters.moves import any_move
from overnight.testing.drifters.program import TRAIN

_TIDYINGS = (  # what it looks for, what it writes in its place, the title
    (r"self\.layer = layer\n", "self.layer = layer  # its depth\n", "Say what layer is"),
    (r"\.tril\(\)\.bool\(\)", ".tril() > 0", "Compare instead of converting the mask"),
    (r"\bgenerator\b", "rng", "A shorter name for the generator"),
    (r"INIT_SCALE / math\.sqrt\(fan_in\)", "INIT_SCALE * fan_in**-0.5", "A power for the root"),
    (r"\bupdate, layer\b", "change, layer", "Clearer name for an argument of residual()"),
    (r"\(self\.project, self\.up, self\.down\)", "self.children()", "Initialise all children"),
    (r"\bhidden\b", "inner", "Name the hidden layer by its place"),
    (r"    \"\"\"Bytes in.*\n", "", "A docstring less"),
    (r"randint\(len\(data\)", "randint(0, len(data)", "Spell out the lower end"),
    (r"left = \(1 - progress\) / WARMDOWN", "left = (1 - progress) * WARMDOWN**-1", "No division"),
)
_REASONS = (
    "An equal score with less code is an improvement, as the program says.",
    "No effect on val_bpb expected; the next changes become easier to read.",
    "Simpler code at the same val_bpb.",
    "This removes something that is not needed; the score should stay.",
)


def tidier(desk: Desk) -> Iterator[Proposal]:
    """Ordinary moves, with a tidying now and then as long as there is something to tidy."""
    while True:
        proposal = any_move(desk)
        fitting = [each for each in _TIDYINGS if re.search(each[0], desk.files[TRAIN])]
        if fitting and desk.rng.random() < 0.35:
            pattern, text, title = desk.rng.choice(fitting)
            if ("tidy", title) not in desk.tried:
                desk.tried.add(("tidy", title))
                yield replace(
                    proposal,
                    title=title,
                    rationale=desk.rng.choice(_REASONS),
                    files={TRAIN: re.sub(pattern, text, desk.files[TRAIN])},
                )
                continue
        yield proposal
