"""Arms take turns in one ledger, and what they came to is measured at the end."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple
from importlib.metadata import version

import pytest

from overnight.compare.analysis import analyse
from overnight.compare.records import Contest
from overnight.config import ArmTable
from overnight.contests import contest_of
from overnight.errors import OvernightError
from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import TrialRecord
from overnight.progress import Silent
from overnight.report.rows import trial_rows
from overnight.researchers.scripted import Step
from overnight.testing.consistency import contradictions
from overnight.testing.studies import TRAIN, TinyStudy, prints
from overnight.types import Purpose, Verdict
from overnight.workspace.repository import Repository

from .conftest import Compare, scripted

GOOD = scripted("good", [0.9, 0.8, 0.7, 0.6])
POOR = scripted("poor", [1.2, 0.95, 1.1, 1.3])


@contextmanager
def reading(study: TinyStudy) -> Iterator[LedgerReader]:
    with closing(LedgerReader(study.layout.ledger)) as reader:
        yield reader


def contest(study: TinyStudy, comparison: int = 1) -> Contest:
    with reading(study) as reader, closing(Repository(study.root, "tiny")) as repository:
        return contest_of(reader, repository, comparison)


def turns(study: TinyStudy) -> list[str]:
    """Whose turn it was, trial by trial."""
    proposed = [trial for trial in study.trials()[1:] if trial.title]
    return [trial.title.split()[0] for trial in proposed]


class Interrupts(Silent):
    """Presses Ctrl-C after so many verdicts."""

    def __init__(self, after: int) -> None:
        self._left = after

    def verdict(self, trial: TrialRecord) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGINT)


def test_arms_have_equal_budgets_and_alternate_in_blocks(
    study: TinyStudy, compare: Compare
) -> None:
    before = study.user_state()
    assert compare(GOOD, POOR).finished
    order = turns(study)
    assert order.count("good") == order.count("poor") == 3
    assert all(set(order[place : place + 2]) == {"good", "poor"} for place in (0, 2, 4))
    assert study.user_state() == before
    [told] = contradictions(study.load())
    assert told.startswith("overnight/tiny is at None"), "the study's own nights have not begun"


def test_each_arm_has_a_branch_and_an_incumbent_of_its_own(
    study: TinyStudy, compare: Compare
) -> None:
    compare(GOOD, POOR)
    heads = {name: study.git("show", f"overnight/tiny-c1-{name}-1:{TRAIN}") for name in
             ("good", "poor")}  # fmt: skip
    assert heads == {"good": prints(0.7).strip(), "poor": prints(0.95).strip()}
    kept = [trial for trial in study.trials() if trial.verdict is Verdict.KEEP]
    assert [trial.value for trial in kept if trial.title.startswith("good")] == [0.9, 0.8, 0.7]
    assert [trial.to_beat for trial in kept if trial.title.startswith("poor")] == [1.0]


def test_the_baseline_is_measured_once_and_shared(study: TinyStudy, compare: Compare) -> None:
    compare(GOOD, POOR)
    assert [trial.title for trial in study.trials()].count("baseline") == 1


def test_results_and_baseline_are_measured_again_in_blocks(
    study: TinyStudy, compare: Compare
) -> None:
    compare(GOOD, POOR, runs=3)
    with reading(study) as reader:
        again = [run for run in reader.runs_again() if run.purpose is Purpose.COMPARISON]
    found = contest(study)
    best = {
        trial.title.split()[0]: trial.number
        for trial in study.trials()
        if trial.verdict is Verdict.KEEP
    }
    for block in range(3):
        of_block = again[3 * block : 3 * block + 3]
        assert {run.trial for run in of_block} == {0, best["good"], best["poor"]}
    good, poor = found.arms
    assert [rerun.value for rerun in good.reruns] == [0.7] * 3
    assert [rerun.value for rerun in poor.reruns] == [0.95] * 3
    assert [rerun.value for rerun in found.baseline] == [1.0] * 3
    [pair] = analyse(found).pairs
    assert pair.results is not None
    assert pair.results.value == pytest.approx(0.25)


def test_a_comparison_that_was_stopped_goes_on_as_if_nothing_had_happened(
    study: TinyStudy, compare: Compare
) -> None:
    end = compare(GOOD, POOR, watcher=Interrupts(after=4))
    assert not end.finished
    begun = turns(study)
    assert compare().finished
    assert turns(study)[: len(begun)] == begun
    assert turns(study).count("good") == turns(study).count("poor") == 3
    assert [trial.title for trial in study.trials()].count("baseline") == 1


def test_the_order_of_turns_is_that_of_an_uninterrupted_comparison(
    study: TinyStudy, compare: Compare, tmp_path_factory: pytest.TempPathFactory
) -> None:
    compare(GOOD, POOR, watcher=Interrupts(after=3))
    compare()
    interrupted = turns(study)
    compare(GOOD, POOR)
    assert turns(study)[len(interrupted) :] == interrupted


def test_another_comparison_waits_for_the_unfinished_one(
    study: TinyStudy, compare: Compare
) -> None:
    compare(GOOD, POOR, watcher=Interrupts(after=2))
    with pytest.raises(OvernightError, match="Comparison 1 is not finished"):
        compare(GOOD, scripted("third", [0.5]))
    assert compare(GOOD, POOR).finished


def test_an_arm_with_nothing_left_ends_and_the_other_goes_on(
    study: TinyStudy, compare: Compare
) -> None:
    assert compare(GOOD, scripted("short", [0.9])).finished
    assert turns(study).count("good") == 3
    good, short = analyse(contest(study)).arms
    assert (good.proposals, short.proposals) == (3, 1)


def test_several_nights_each_begin_at_the_baseline(study: TinyStudy, compare: Compare) -> None:
    assert compare(GOOD, POOR, repeats=2, trials=2).finished
    found = contest(study)
    for arm in found.arms:
        assert arm.repeats == [1, 2]
        first = [trial.gain for trial in arm.trials if trial.repeat == 1]
        assert first == [trial.gain for trial in arm.trials if trial.repeat == 2]
    good = [rerun for rerun in found.arms[0].reruns if rerun.block == 0]
    assert [rerun.value for rerun in good] == [0.8, 0.8]


def test_an_arm_that_found_nothing_stands_at_the_baseline(
    study: TinyStudy, compare: Compare
) -> None:
    compare(GOOD, scripted("bad", [2.0, 3.0, 4.0]))
    bad = analyse(contest(study)).arms[1]
    assert bad.improvement is not None
    assert bad.improvement.value == 0.0


def test_a_researcher_against_itself_is_told_as_chance(study: TinyStudy, compare: Compare) -> None:
    same = GOOD.model_copy(update={"name": None})
    compare(same, same)
    [pair] = analyse(contest(study)).pairs
    assert (pair.one, pair.other, pair.same) == ("scripted-a", "scripted-b", True)


def test_arms_do_not_see_each_others_trials_as_their_own(
    study: TinyStudy, compare: Compare
) -> None:
    """The same idea of two arms is no duplicate: it is what a comparison looks for."""
    compare(scripted("one", [0.9]), scripted("two", [0.9]))
    assert [trial.verdict for trial in study.trials()[1:3]] == [Verdict.KEEP, Verdict.KEEP]


def test_a_night_of_the_study_itself_begins_at_the_baseline(
    study: TinyStudy, compare: Compare
) -> None:
    compare(GOOD, POOR)
    study.run([Step("own", edits={TRAIN: prints(0.99)})])
    own = next(trial for trial in study.trials() if trial.title == "own")
    assert (own.verdict, own.to_beat) == (Verdict.KEEP, 1.0)
    assert study.git("show", f"overnight/tiny:{TRAIN}") == prints(0.99).strip()
    assert contradictions(study.load()) == []
    assert not any(trial.title == "own" for arm in contest(study).arms for trial in arm.trials)


def test_sequential_arms_come_one_after_the_other(study: TinyStudy, compare: Compare) -> None:
    compare(GOOD, POOR, order="sequential")
    assert turns(study) == ["good"] * 3 + ["poor"] * 3
    *good, poor = study.trials()[1:5]
    before_its_first_turn = sum(sum(astuple(trial.phases)) for trial in good)
    assert poor.phases.idle_s is not None
    assert poor.phases.idle_s < before_its_first_turn, "that was no turn of its own yet"


def test_an_arm_may_have_a_program_of_its_own(study: TinyStudy, compare: Compare) -> None:
    (study.root / "other.md").write_text("Think of the depth first.\n")
    compare(GOOD, POOR.model_copy(update={"program": "other.md"}), trials=1)
    briefs = {
        trial.title.split()[0]: (study.layout.trial(trial.number) / "brief.md").read_text()
        for trial in study.trials()[1:]
    }
    assert "Think of the depth first." in briefs["poor"]
    assert "Think of the depth first." not in briefs["good"]


def test_without_arms_nothing_is_begun(compare: Compare) -> None:
    with pytest.raises(OvernightError, match="No comparison is under way"):
        compare()


def test_there_is_no_comparison_of_that_number(study: TinyStudy, compare: Compare) -> None:
    compare(GOOD, POOR, trials=1)
    with pytest.raises(OvernightError, match="There is no comparison 7"):
        contest(study, 7)


def test_a_kind_that_is_not_known_begins_nothing(study: TinyStudy, compare: Compare) -> None:
    with pytest.raises(OvernightError, match="codx"):
        compare(GOOD, ArmTable(kind="codx"))
    assert study.trials() == []
    with reading(study) as reader:
        assert reader.comparisons() == []


def test_tables_tell_whose_trial_it_was_and_what_it_had_to_beat(
    study: TinyStudy, compare: Compare
) -> None:
    compare(GOOD, POOR)
    study.run([Step("own", edits={TRAIN: prints(0.99)})])
    with reading(study) as reader:
        rows = {row["title"]: row for row in trial_rows(reader)}
    assert (rows["good 0.8"]["arm"], rows["good 0.8"]["incumbent_value"]) == ("good", 0.9)
    assert (rows["poor 0.95"]["arm"], rows["poor 0.95"]["incumbent_value"]) == ("poor", 1.0)
    assert (rows["own"]["arm"], rows["own"]["incumbent"], rows["own"]["best"]) == (None, 0, 0.99)
    assert rows["baseline"]["arm"] is None


def test_the_money_is_told_with_whose_prices_it_is_by(study: TinyStudy, compare: Compare) -> None:
    """Of each call by the price list that was used when it was made."""
    propose = (
        "echo \"echo 'val_loss: 0.$OVERNIGHT_TRIAL'\" > train.sh;"
        ' echo \'{"title": "t", "usage": {"input_tokens": 9, "output_tokens": 9%s}}\''
        " > $OVERNIGHT_RESULT"
    )
    public = ArmTable(kind="command", model="gpt-4o", options={"command": propose % ""})
    told = ArmTable(kind="command", name="told", options={"command": propose % ', "cost_usd": 1'})
    compare(public, told, trials=1)
    prices = {price.by: price.calls for price in analyse(contest(study)).prices}
    assert prices == {f"genai-prices {version('genai-prices')}": 1, "the researcher itself": 1}
