"""What is written can be read again: by another process, after a crash, and beside a writer."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overnight.errors import LedgerError
from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import Attempt, Spent
from overnight.ledger.store import Ledger, create_ledger
from overnight.types import (
    DiffStat,
    Draft,
    Goal,
    JsonValue,
    Judgement,
    Objective,
    State,
    Usage,
    Verdict,
)

Finish = Callable[..., int]
ONE_LEDGER = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ANY_TEXT = st.text(st.characters(exclude_categories=[]))


def attempt(usage: Usage, *, outcome: str = "proposal", message: str = "") -> Attempt:
    return Attempt(outcome, message, datetime(2026, 1, 1, tzinfo=UTC), 1.5, usage)


def test_a_new_ledger_is_empty_and_says_what_it_is_for(path: Path) -> None:
    with closing(LedgerReader(path)) as reader:
        study = reader.study
        assert (study.name, study.metric, study.goal) == ("tiny", "val_loss", Goal.MINIMIZE)
        assert reader.incumbent() is None
        assert reader.trials() == reader.latest(5) == reader.kept() == []
        assert reader.nights() == []


def test_making_a_ledger_again_leaves_it_alone(path: Path) -> None:
    before = path.read_bytes()
    other = Objective("accuracy", Goal.MAXIMIZE)
    create_ledger(path, name="other", objective=other, baseline_commit="b")
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_what_a_power_cut_left_of_making_a_ledger_is_no_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.with_name("ledger.db.new").write_bytes(b"half of one")
    objective = Objective("loss", Goal.MINIMIZE)
    create_ledger(path, name="tiny", objective=objective, baseline_commit="b")
    with closing(LedgerReader(path)) as reader:
        assert reader.study.baseline_commit == "b"


@ONE_LEDGER
@given(
    title=ANY_TEXT, rationale=ANY_TEXT, reason=ANY_TEXT, details=st.dictionaries(st.text(), JSON)
)
def test_any_text_and_details_are_stored_and_read_again(
    ledger: Ledger, title: str, rationale: str, reason: str, details: dict[str, JsonValue]
) -> None:
    number = ledger.open_trial(night=1, parent_commit="a", researcher="r", model="m").number
    ledger.record_proposal(number, Draft(title, rationale, details), commit="c", tree="t")
    ledger.record_attempt(number, attempt(Usage(), outcome="crashed", message=reason))
    ledger.close_trial(number, Judgement(Verdict.CRASH, reason))
    trial = ledger.trial(number)
    assert trial.details == details
    for stored, told in ((trial.title, title), (trial.rationale, rationale)):
        assert stored == told.encode(errors="backslashreplace").decode()
    assert trial.reason == ledger.attempts(number)[0].message


def test_another_reader_sees_the_same_beside_the_writer_and_after_it(
    ledger: Ledger, path: Path, finish: Finish
) -> None:
    with closing(LedgerReader(path)) as beside:
        for verdict in (Verdict.KEEP, Verdict.CRASH, Verdict.DISCARD):
            finish(verdict)
            assert beside.trials() == ledger.trials()
        ledger.record_attempt(1, attempt(Usage(1, 2, 3, 4, 0.5)))
        assert list(beside.all_attempts()) == [(1, attempt(Usage(1, 2, 3, 4, 0.5)))]
        ledger.close()
        with closing(LedgerReader(path)) as after:
            assert after.trials() == beside.trials()
            assert list(after.all_runs()) == list(beside.all_runs())
            assert after.attempts(1) == beside.attempts(1)


def test_the_incumbent_is_the_latest_kept(ledger: Ledger, finish: Finish) -> None:
    numbers = [finish(verdict) for verdict in (Verdict.KEEP, Verdict.DISCARD, Verdict.KEEP)]
    finish(Verdict.CRASH, value=None)
    incumbent = ledger.incumbent()
    assert incumbent is not None
    assert incumbent.number == numbers[2]
    assert [trial.number for trial in ledger.kept()] == [numbers[0], numbers[2]]
    assert (incumbent.lines_added, incumbent.lines_removed) == (1, 2)


def test_verdicts_are_counted_without_the_baseline(ledger: Ledger, finish: Finish) -> None:
    assert ledger.verdict_counts() == {}
    for verdict in (Verdict.KEEP, Verdict.KEEP, Verdict.CRASH, Verdict.CRASH, Verdict.DISCARD):
        finish(verdict)
    assert ledger.verdict_counts() == {Verdict.KEEP: 1, Verdict.CRASH: 2, Verdict.DISCARD: 1}


def test_a_tree_is_known_by_the_first_finished_trial_that_had_it(
    ledger: Ledger, finish: Finish
) -> None:
    finish(Verdict.KEEP)
    tried = finish(Verdict.DISCARD)
    for _ in range(2):
        again = ledger.open_trial(night=1, parent_commit="a", researcher="r", model=None)
        ledger.record_proposal(again.number, Draft("again"), commit="c", tree=f"tree-{tried}")
        found = ledger.trial_of_tree(f"tree-{tried}")
        assert found is not None
        assert found.number == tried
        ledger.close_trial(again.number, Judgement(Verdict.DUPLICATE, "Again."))
    ledger.record_proposal(
        ledger.open_trial(night=1, parent_commit="a", researcher="r", model=None).number,
        Draft("under way"),
        commit="c",
        tree="tree-new",
    )
    assert ledger.trial_of_tree("tree-new") is None


def test_the_latest_come_newest_first_and_only_finished(ledger: Ledger, finish: Finish) -> None:
    for verdict in (Verdict.KEEP, Verdict.CRASH, Verdict.DISCARD, Verdict.CRASH):
        finish(verdict)
    under_way = ledger.open_trial(night=1, parent_commit="a", researcher="r", model=None)
    assert [trial.number for trial in ledger.latest(3)] == [3, 2, 1]
    assert [trial.number for trial in ledger.latest(9, verdicts=[Verdict.CRASH])] == [3, 1]
    assert ledger.unfinished() == [under_way]
    assert [trial.number for trial in ledger.trials(after=2)] == [3, 4]


def test_spent_sums_a_nights_trials_calls_and_time(ledger: Ledger, finish: Finish) -> None:
    night, second = ledger.begin_session()
    for verdict in (Verdict.KEEP, Verdict.DISCARD, Verdict.INTERRUPTED, Verdict.CRASH):
        finish(verdict)
    ledger.open_trial(night=night, parent_commit="a", researcher="r", model=None)
    for usage in (Usage(100, 50, 10, 5, 0.25), Usage(7, None, 3), Usage(), Usage(cost_usd=0.5)):
        ledger.record_attempt(3, attempt(usage))
    ledger.touch_session(1, active_s=10.0)
    ledger.end_session(second, active_s=5.5)
    spent = ledger.spent(night)
    assert spent.device_s == pytest.approx(0.3)
    assert replace(spent, device_s=0.0) == Spent(
        trials=2, active_s=15.5, agent_tokens=120, money_usd=0.75, unpriced_calls=1
    )


def test_a_night_goes_on_in_sessions_until_its_work_is_done(ledger: Ledger) -> None:
    night, session = ledger.begin_session()
    assert night == 1
    ledger.end_session(session, active_s=1.0, end_night="The budget is used up.")
    assert ledger.begin_session()[0] == 2
    first, second = ledger.nights()
    assert (first.end_reason, second.end_reason) == ("The budget is used up.", None)
    assert first.ended_at is not None
    assert [session.night for session in ledger.sessions()] == [1, 1, 2]
    assert ledger.spent(2) == Spent()


def test_the_baseline_can_be_replaced_until_it_is_measured(ledger: Ledger, path: Path) -> None:
    trial = ledger.open_trial(night=1, parent_commit="a", researcher="r", model=None)
    ledger.record_proposal(trial.number, Draft("baseline"), commit="a", tree="t")
    run = ledger.begin_run(trial.number, from_state=State.PROPOSING)
    ledger.replace_baseline("b")
    with closing(LedgerReader(path)) as reader:
        assert reader.study.baseline_commit == ledger.study.baseline_commit == "b"
        assert (reader.trial(0).state, reader.trial(0).commit) == (State.PROPOSING, None)
    ledger.abandon_runs(trial.number, reason=f"Run {run} was of another commit.")
    ledger.record_proposal(trial.number, Draft("baseline"), commit="b", tree="t")
    ledger.begin_run(trial.number, from_state=State.PROPOSING)
    ledger.intend_keep(0, Judgement(Verdict.KEEP, "."), value=1.0, size=DiffStat(0, 0))
    with pytest.raises(LedgerError, match="cannot be replaced"):
        ledger.replace_baseline("c")


def test_calls_and_runs_belong_to_a_trial_that_there_is(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="refused a write"):
        ledger.record_attempt(7, attempt(Usage()))
    with pytest.raises(LedgerError, match="There is no trial 7"):
        ledger.begin_run(7, from_state=State.PROPOSING)
    with pytest.raises(LedgerError, match=r"There is no trial 7\. `overnight log` lists them"):
        ledger.trial(7)
    assert list(ledger.all_attempts()) == []
    assert list(ledger.all_runs()) == []
