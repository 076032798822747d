"""Believes in one idea and hands it in again and again, with other words, names and numbers."""

import re
from collections.abc import Iterator

from overnight.testing.drifters.desk import Desk, Proposal
from overnight.testing.drifters.ideas import IDEAS, Idea
from overnight.testing.drifters.moves import any_move, hand_in, with_body
from overnight.testing.drifters.program import TRAIN
from overnight.types import Verdict

_TITLES = (
    "{name}, done properly",
    "A gentler take on {name}",
    "Refined {function}: {name}",
    "{name} with a cleaner formulation",
    "Revisit {function}",
    "Tune {name}",
    "Smoother {function} for the late phase",
    "Numerically safer {name}",
)
_VARIABLES = {
    "left": "remaining",
    "scores": "logit_map",
    "phase": "cycle",
    "causal": "allowed",
    "losses": "per_byte",
    "stride": "move",
    "keep": "alive",
    "powers": "mass",
    "starts": "offsets",
    "place": "position",
    "bound": "limit",
}


def same_idea(desk: Desk) -> Iterator[Proposal]:
    """At the turn it picks the idea, one that has failed, that it cannot let go any more."""
    favourite: Idea | None = None
    while True:
        if desk.strays():
            if favourite is None or desk.trials[-1].verdict in (Verdict.CRASH, Verdict.KEEP):
                favourite = _favourite(desk)
            yield _reworded(desk, favourite)
        else:
            yield any_move(desk)


def _favourite(desk: Desk) -> Idea:
    """An idea that was measured and failed, else any that has numbers or names to vary."""
    failed = {trial.title for trial in desk.trials if trial.verdict is Verdict.DISCARD}
    rich = [idea for idea in IDEAS if len(idea.body) > 90]
    tried = [idea for idea in rich if any(idea.name.lower() in title.lower() for title in failed)]
    return desk.rng.choice(tried or rich)


def _reworded(desk: Desk, idea: Idea) -> Proposal:
    rng = desk.rng
    body = idea.body
    for name, other in _VARIABLES.items():
        if rng.random() < 0.5:
            body = re.sub(rf"\b{name}\b", other, body)
    body = re.sub(r"\b\d*\.\d+\b|\b\d\d\b", lambda found: _jittered(desk, found[0]), body)
    if rng.random() < 0.5:
        comment = rng.choice(("stay smooth near the end", "see the note above", "scale first"))
        body = f"    # {comment}\n{body}"
    slots = {"name": idea.name, "function": idea.function}
    return hand_in(
        desk,
        rng.choice(_TITLES).format(**slots),
        name=idea.function,
        why=idea.why,
        text=with_body(desk.files[TRAIN], idea.function, body),
    )


def _jittered(desk: Desk, number: str) -> str:
    return f"{float(number) * desk.rng.uniform(0.95, 1.05):.3g}"
