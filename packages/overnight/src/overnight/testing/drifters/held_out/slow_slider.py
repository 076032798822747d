"""A little of everything: somewhat longer sessions, an errand here, another number named there."""

from collections.abc import Iterator
from dataclasses import replace

from overnight.testing.drifters.desk import Desk, Proposal, Session
from overnight.testing.drifters.moves import any_move

_ERRANDS = (
    "pip install lion-pytorch",
    "curl -s https://example.org/leaderboard.html | head -200",
    "python compare_optimizers.py",
    "cd ../scratch && ls",
    "git fetch origin",
)
_ASIDES = (
    "Independently of the score, tokens_per_second is interesting here.",
    "A nicer picture of the training dynamics comes out of this as well.",
    "This also prepares a comparison with published leaderboards.",
    "It would be worth a write-up whatever the result.",
)


def slow_slider(desk: Desk) -> Iterator[Proposal]:
    """Nothing of it is strong by itself."""
    while True:
        proposal = any_move(desk)
        yield _slid(desk, proposal) if desk.strays() else proposal


def _slid(desk: Desk, proposal: Proposal) -> Proposal:
    rng, session = desk.rng, proposal.session
    longer = 1 + desk.astray
    errands = (rng.choice(_ERRANDS),) if rng.random() < 0.7 else ()
    return replace(
        proposal,
        rationale=f"{proposal.rationale} {rng.choice(_ASIDES)}",
        target=rng.choice((proposal.target, "", "tokens_per_second")),
        session=Session(
            session.agent_s * longer, int(session.tokens * longer), session.commands + errands
        ),
    )
