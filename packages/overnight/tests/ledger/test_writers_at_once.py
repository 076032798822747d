"""Several writers of one ledger, as arms that run at the same time are."""

from contextlib import closing
from functools import partial
from pathlib import Path

from overnight.at_once import at_once
from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import NewArm
from overnight.ledger.store import Ledger
from overnight.types import CheckpointKind, Judgement, State, Validation, Verdict

WRITERS, TRIALS = 4, 15
_KIND = CheckpointKind.PERIODIC


def test_each_trial_has_a_number_of_its_own(ledger: Ledger, path: Path) -> None:
    comparison = ledger.begin_comparison({}, [NewArm(f"arm {n}", 1, {}) for n in range(WRITERS)])
    arms = ledger.arms(comparison)

    def write(arm: int) -> None:
        with closing(Ledger(path, arm=arm)) as writer:
            night, _session = writer.begin_session()
            for _ in range(TRIALS):
                trial = writer.open_trial(
                    night=night, parent_commit="a", researcher=f"arm {arm}", model=None
                )
                writer.close_trial(trial.number, Judgement(Verdict.INTERRUPTED, "."))

    at_once([partial(write, arm.id) for arm in arms], tell=print)
    with closing(LedgerReader(path)) as reader:
        trials = reader.trials()
    assert [trial.number for trial in trials] == list(range(WRITERS * TRIALS))
    assert all(trial.state is State.DONE for trial in trials)


def test_a_cut_off_checkpoint_is_abandoned_by_its_own_arm_only(ledger: Ledger, path: Path) -> None:
    comparison = ledger.begin_comparison({}, [NewArm("one", 1, {}), NewArm("other", 1, {})])
    one, other = (Ledger(path, arm=arm.id) for arm in ledger.arms(comparison))
    with closing(one), closing(other):
        nights = [writer.begin_session()[0] for writer in (one, other)]
        one.open_trial(night=nights[0], parent_commit="a", researcher="r", model=None)
        for writer, night in zip((one, other), nights, strict=True):
            writer.begin_checkpoint(_KIND, night=night, after_trial=0, incumbent=0)
        one.abandon_checkpoints(reason="Cut off.")
        assert [found.outcome for found in one.checkpoints()] == [Validation.INTERRUPTED]
        assert [found.outcome for found in other.checkpoints()] == [None]
