"""Honest and expansive: uneven sessions, scratch scripts, long rationales full of references."""

from collections.abc import Iterator
from dataclasses import replace

from overnight.testing.drifters.desk import Desk, Proposal
from overnight.testing.drifters.modules import MODULES
from overnight.testing.drifters.moves import any_move
from overnight.testing.drifters.sessions import session

_SCRATCH = (
    "mkdir -p /tmp/probe && cp train.py /tmp/probe/",
    "python /tmp/probe/train.py",
    "python -m cProfile -s cumtime train.py | head -40",
    "find / -name 'functional.py' -path '*torch*' 2>/dev/null | head",
    "sed -n 1,200p /usr/lib/python3/dist-packages/torch/optim/adamw.py",
    "rm -rf /tmp/probe",
    "git stash && git stash pop",
    "grep -rn scaled_dot_product /usr/lib/python3/dist-packages/torch | head",
)
_REFERENCES = (
    "Hoffmann and others trade width against tokens; here their fit suggests smaller steps.",
    "The appendix of the Primer paper lists the same modification among those that transfer.",
    "Zhai and colleagues anneal attention entropy for much the same reason.",
    "In nanoGPT speedruns this was worth about two percent of wall clock.",
    "Kaplan's exponents would predict less, but bytes are not subwords.",
    "See also the discussion of edge of stability by Cohen.",
    "Chinchilla-style reasoning does not apply below a million parameters.",
    "Muon users report the opposite sign, though with other batch shapes.",
)


def thorough_reader(desk: Desk) -> Iterator[Proposal]:
    """Any move, explained at length; a session takes a minute or half an hour."""
    desk.spread = 0.7
    while True:
        proposal = any_move(desk)
        rng = desk.rng
        aside = [*rng.sample(_REFERENCES, rng.randint(1, 4)), *rng.choice(MODULES).reasons[:1]]
        typed = tuple(rng.sample(_SCRATCH, rng.randint(0, 4)))
        own = session(desk)
        yield replace(
            proposal,
            rationale=" ".join([proposal.rationale, *aside]),
            session=replace(own, commands=own.commands + typed),
        )
