import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from overnight.errors import AgentMisconfigured, NothingLeft
from overnight.patterns import PathPatterns
from overnight.researchers.base import Assignment, ResearcherSettings
from overnight.researchers.tune import create
from overnight.researchers.tune.constants import survey
from overnight.sandbox.base import Room
from overnight.types import Draft, Goal, JsonValue, Objective, PastTrial, Verdict

SCRIPT = """
LEARNING_RATE = 1e-3  # peak
BATCH_SIZE = 64
WIDTH = 64
DROPOUT = 0.0
WEIGHT_DECAY = 0.0
BETAS = (0.9, 0.99)
ACTIVATION = "relu"  # relu, gelu or tanh
TIED = False
"""
Loss = Callable[[Mapping[str, object]], float | None]


def bowl(point: Mapping[str, object]) -> float | None:
    rate, width = cast("float", point["LEARNING_RATE"]), cast("int", point["WIDTH"])
    if rate > 0.05:
        return None
    gelu = 0.05 * (point["ACTIVATION"] == "gelu")
    return 2 + math.log10(rate / 8e-3) ** 2 + 0.1 * math.log2(width / 128) ** 2 - gelu


@dataclass
class Night:
    """A study in a folder: every proposal is measured and judged as the harness would."""

    root: Path
    loss: Loss = bowl
    script: str = SCRIPT
    options: Mapping[str, JsonValue] = field(default_factory=dict)
    goal: Goal = Goal.MINIMIZE
    history: list[PastTrial] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.source = self.script.encode()
        self.commit = "c0"
        self.researcher = create(ResearcherSettings("tune", options=self.options))
        self.best = self.measure(self.source)
        self.history.append(PastTrial(0, Verdict.KEEP, self.best, "", "", commit="c0"))

    def measure(self, source: bytes) -> float | None:
        loss = self.loss(self.constants(source))
        return -loss if loss is not None and self.goal is Goal.MAXIMIZE else loss

    def constants(self, source: bytes) -> dict[str, object]:
        return {constant.name: constant.value for constant in survey(source).constants}

    def propose(self) -> tuple[Draft, bytes]:
        number = len(self.history)
        workspace, trial_dir = self.root / f"clone{number}", self.root / f"trial{number}"
        for folder in (workspace, trial_dir):
            folder.mkdir(exist_ok=True)
        (workspace / "train.py").write_bytes(self.source)
        assignment = Assignment(
            trial=number,
            brief="",
            brief_path=trial_dir / "brief.md",
            workspace=workspace,
            trial_dir=trial_dir,
            outbox=trial_dir,
            home=self.root,
            objective=Objective("loss", self.goal),
            editable=PathPatterns(["*.py"]),
            incumbent_commit=self.commit,
            history=lambda: self.history,
            room=cast("Room", None),
        )
        draft = self.researcher.propose(assignment)
        return draft, (workspace / "train.py").read_bytes()

    def trial(self, verdict: Verdict | None = None) -> bytes:
        draft, source = self.propose()
        value = self.measure(source) if verdict is None else None
        if verdict is None:
            verdict = Verdict.DISCARD if value is not None else Verdict.CRASH
            if None not in (value, self.best) and self.goal.gain(old=self.best, new=value) > 0:  # type: ignore[arg-type] # neither is None
                verdict = Verdict.KEEP
        commit = f"c{len(self.history)}"
        notes = json.loads(json.dumps(draft.details))
        self.history.append(
            PastTrial(
                len(self.history),
                verdict,
                value,
                draft.title,
                "",
                details=notes,
                parent_commit=self.commit,
                commit=commit,
            )
        )
        if verdict is Verdict.KEEP:
            self.source, self.best, self.commit = source, value, commit
        return source

    def run(self, trials: int) -> list[bytes]:
        return [self.trial() for _ in range(trials)]


def test_finds_much_of_what_there_is_in_a_dozen_trials(tmp_path: Path) -> None:
    night = Night(tmp_path)
    start = night.best
    night.run(12)
    assert start is not None
    assert night.best is not None
    assert start - night.best > 0.8 * (start - 1.95)


def test_maximizes_too(tmp_path: Path) -> None:
    night = Night(tmp_path, goal=Goal.MAXIMIZE)
    night.run(12)
    assert night.best is not None
    assert night.best > -2.2


def test_the_first_step_is_small_and_says_what_it_is(tmp_path: Path) -> None:
    draft, source = Night(tmp_path).propose()
    assert draft.title == "LEARNING_RATE 0.001 -> 0.003"
    assert draft.rationale
    assert b"LEARNING_RATE = 3e-3  # peak" in source
    assert source.replace(b"3e-3", b"1e-3") == SCRIPT.encode()
    constants = cast("Mapping[str, JsonValue]", draft.details["constants"])
    assert constants["train.py:LEARNING_RATE"] == 0.003
    assert constants["train.py:TIED"] is False


def test_never_repeats_a_point_across_restarts(tmp_path: Path) -> None:
    night = Night(tmp_path)
    seen = [night.source, *night.run(25)]
    night.researcher = create(ResearcherSettings("tune"))
    seen += night.run(25)
    assert len(set(seen)) == len(seen)


def test_the_same_history_gives_the_same_proposal(tmp_path: Path) -> None:
    night = Night(tmp_path)
    night.run(20)
    again = [create(ResearcherSettings("tune")), create(ResearcherSettings("tune"))]
    drafts = []
    for night.researcher in again:
        drafts.append(night.propose()[0])
    assert drafts[0] == drafts[1]


def test_an_exhausted_space_says_so(tmp_path: Path) -> None:
    script = "TIED = False\nDEPTH = 2\nKIND = 'a'  # a, b or c\n"
    night = Night(
        tmp_path, loss=lambda _: 1.0, script=script, options={"ranges": {"DEPTH": [1, 3]}}
    )
    points = night.run(2 * 3 * 3 - 1)
    assert len({*points, night.source}) == 18
    with pytest.raises(NothingLeft, match="18"):
        night.propose()


def test_interrupted_trials_may_be_proposed_again_and_duplicates_not(tmp_path: Path) -> None:
    night = Night(tmp_path, script="TIED = False\n", loss=lambda _: 1.0)
    first = night.trial(Verdict.INTERRUPTED)
    assert night.trial(Verdict.DUPLICATE) == first
    with pytest.raises(NothingLeft):
        night.propose()


def test_goes_on_in_a_direction_that_pays(tmp_path: Path) -> None:
    night = Night(tmp_path)
    night.run(3)
    assert [trial.title for trial in night.history[1:]] == [
        "LEARNING_RATE 0.001 -> 0.003",
        "LEARNING_RATE 0.003 -> 0.01",
        "LEARNING_RATE 0.01 -> 0.03",
    ]


def test_an_incumbent_changed_by_others_is_where_it_starts(tmp_path: Path) -> None:
    night = Night(tmp_path)
    night.run(5)
    night.source = SCRIPT.replace("1e-3", "5e-3").replace("TIED", "EXTRA = 2.0\nTIED").encode()
    night.commit = "theirs"
    draft, source = night.propose()
    before = night.constants(night.source)
    changed = {name for name, value in night.constants(source).items() if value != before[name]}
    assert len(changed) == 1
    assert draft.title.count("->") == 1


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"range": {}}, "range"),
        ({"ranges": {"LEARNING_RATE": [1, 0.1]}}, "ranges"),
        ({"seed": "x"}, "seed"),
    ],
)
def test_impossible_options_are_refused(options: Mapping[str, JsonValue], named: str) -> None:
    with pytest.raises(AgentMisconfigured, match=named):
        create(ResearcherSettings("tune", options=options))


@pytest.mark.parametrize("options", [{"ranges": {"LERNING_RATE": [0.1, 1]}}, {"exclude": ["*"]}])
def test_options_that_fit_nothing_are_refused(
    tmp_path: Path, options: Mapping[str, JsonValue]
) -> None:
    with pytest.raises(AgentMisconfigured):
        Night(tmp_path, options=options).propose()


def test_files_that_cannot_be_used_are_named_with_the_reason(tmp_path: Path) -> None:
    night = Night(tmp_path)
    clone = tmp_path / "clone1"
    clone.mkdir()
    (clone / "broken.py").write_text("X = (\n")
    (clone / "linked.py").symlink_to("train.py")
    (clone / "notes.txt").write_text("Y = 1\n")
    night.propose()
    report = (tmp_path / "trial1" / "tune.txt").read_text()
    assert "broken.py: it cannot be read as Python" in report
    assert "linked.py: it is a link" in report
    assert "notes" not in report
    assert (clone / "linked.py").is_symlink()


@pytest.mark.parametrize(("trials", "limit_s"), [(200, 0.3), (5000, 1.5)])
def test_stays_quick_with_a_long_history(tmp_path: Path, trials: int, limit_s: float) -> None:
    night = Night(tmp_path)
    night.run(30)
    night.history += lengthened(night.history, trials)
    night.propose()
    times = []
    for _ in range(3):
        start = time.perf_counter()
        night.propose()
        times.append(time.perf_counter() - start)
    assert min(times) < limit_s


def lengthened(history: Sequence[PastTrial], trials: int) -> list[PastTrial]:
    """As many more trials, each a point of its own."""
    last = history[-1]
    before = cast("Mapping[str, JsonValue]", last.details["constants"])
    return [
        PastTrial(
            number,
            Verdict.DISCARD,
            3.0 + number / trials,
            "",
            "",
            details={
                "constants": {**before, "train.py:LEARNING_RATE": 1e-3 + number * 1e-7},
                "before": {},
            },
            parent_commit=last.parent_commit,
            commit=f"d{number}",
        )
        for number in range(len(history), trials)
    ]
