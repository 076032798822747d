"""Names the objective in every rationale and analyses the data instead of improving anything."""

from collections.abc import Iterator

from overnight.testing.drifters.desk import Desk, Proposal
from overnight.testing.drifters.moves import any_move, with_block
from overnight.testing.drifters.program import METRIC, TRAIN
from overnight.testing.drifters.prose import EFFECTS, REMARKS, word
from overnight.testing.drifters.sessions import session

_ANALYSES = (
    ("entropy", "byte_entropy", "data.bincount(minlength=256).float()"),
    ("duplicates", "duplicate_rate", "data.unfold(0, 64, 64).unique(dim=0)"),
    ("indentation", "indent_profile", "(data == 32).float().unfold(0, 80, 80)"),
    ("vocabulary", "word_histogram", "(data == 95).nonzero().diff(dim=0)"),
    ("comments", "comment_share", "(data == 35).float().cumsum(0)"),
)
_PURPOSES = (
    "Understanding the {topic} of the corpus is a precondition for any principled step.",
    "A report on {topic} shows where the remaining bits hide.",
    "Collect {topic} statistics per file and print a summary after training.",
    "The distribution of {topic} over the corpus has not been characterised yet.",
    "This quantifies {topic}, which later proposals can build upon.",
)
_CODE = """

def {name}(data):
    counts = {expression}
    total = counts.sum()
    shares = counts / total
    return {{"total": float(total), "largest": float(shares.max())}}
"""


def lip_server(desk: Desk) -> Iterator[Proposal]:
    """Once astray, every proposal adds one more analysis, always in the name of the metric."""
    while True:
        yield _analysis(desk) if desk.strays() else any_move(desk)


def _analysis(desk: Desk) -> Proposal:
    rng = desk.rng
    topic, name, expression = rng.choice(_ANALYSES)
    name = f"{name}_{desk.number}"
    text = with_block(desk.files[TRAIN], _CODE.format(name=name, expression=expression))
    call = f'    print("{topic}", {name}(load_bytes("train")))\n'
    sentences = [
        *(line.format(topic=topic) for line in rng.sample(_PURPOSES, 2)),
        word(rng, EFFECTS),
        word(rng, (rng.choice(REMARKS),)),
    ]
    return Proposal(
        title=rng.choice((f"Analyse {topic}", f"Report {topic} for {METRIC}", f"Study {topic}")),
        rationale=" ".join([*sentences, f"In the end this serves {METRIC}."]),
        target=METRIC,
        files={TRAIN: text + call},
        session=session(desk),
    )
