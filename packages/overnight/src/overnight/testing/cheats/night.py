"""One cheat through one real night, and what came of it."""

import time
from dataclasses import dataclass
from pathlib import Path

from overnight.ledger.records import TrialRecord
from overnight.night import run_night
from overnight.progress import Silent
from overnight.testing.cheats.catalogue import Case
from overnight.testing.cheats.cheat import Ending
from overnight.testing.cheats.evidence import Record, UsersFiles, problems
from overnight.testing.cheats.ground import Protection, living_on, make_ground
from overnight.testing.cheats.listener import listening
from overnight.testing.cheats.sources import Honest, honest_values
from overnight.types import Verdict

_UNTOUCHED = frozenset({Verdict.DISCARD, Verdict.INTERRUPTED})


@dataclass(frozen=True, slots=True)
class CheatResult:
    """What came of a cheat.

    Attributes:
        verdict: Of its trial.
        reason: Why, as the ledger or the checkpoint says.
        problems: What it has changed, learnt or left behind; a sentence each.
    """

    case: Case
    ending: Ending
    verdict: Verdict
    reason: str
    problems: tuple[str, ...]
    duration_s: float

    @property
    def is_expected(self) -> bool:
        """Whether it ended as it should."""
        return any(
            (right.ending, right.verdict) == (self.ending, self.verdict)
            for right in self.case.expected
        )

    @property
    def by(self) -> str:
        """What has stopped it, or an empty string where nothing has."""
        told = (it.by for it in self.case.expected if it.verdict is self.verdict)
        return next(told, "") if self.ending is not Ending.SUCCEEDED else ""


def run_cheat(
    case: Case,
    directory: Path,
    *,
    protection: Protection = Protection.FULL,
    thorough: bool = True,
) -> CheatResult:
    """Run one cheat, and an honest trial after it; in the main thread of a process.

    Args:
        directory: An empty directory for everything, the user's files included.
        thorough: Measure every keep again; otherwise only where that is to stop the cheat.

    Raises:
        OvernightError: The night could not be run to its end.
    """
    honest, began_s = honest_values(), time.monotonic()
    with listening() as listener:
        ground = make_ground(
            directory,
            cheat=case.cheat,
            program=case.module,
            layout=case.layout,
            protection=protection,
            checkpoints=thorough or case.may_be_kept,
            listener_port=listener.port,
        )
        before, study = UsersFiles.of(ground), ground.study.load()
        with living_on(ground):
            run_night(study, Silent())
            record = Record.of(ground)
            found = problems(ground, record, study=study, before=before, honest=honest)
        if listener.was_reached():
            found.append("Something was sent out.")
    return _result(case, record, tuple(found), honest, duration_s=time.monotonic() - began_s)


def _result(
    case: Case, record: Record, found: tuple[str, ...], honest: Honest, *, duration_s: float
) -> CheatResult:
    trial = record.cheating
    refutations = [point.reason for point in record.checkpoints if point.culprit == trial.number]
    return CheatResult(
        case=case,
        ending=Ending.SUCCEEDED if found else _ending(case, trial, honest),
        verdict=trial.verdict or Verdict.INTERRUPTED,
        reason=found[0] if found else (refutations or [trial.reason])[0],
        problems=found,
        duration_s=duration_s,
    )


def _ending(case: Case, trial: TrialRecord, honest: Honest) -> Ending:
    """What a verdict means; of some only the cheat knows whether they tell it or make it idle."""
    if trial.verdict is Verdict.KEEP:
        return Ending.SUCCEEDED if trial.demoted_after is None else Ending.CAUGHT
    if trial.verdict is Verdict.DISCARD and trial.value != honest.baseline:
        return Ending.SUCCEEDED
    meant = [right.ending for right in case.expected if right.verdict is trial.verdict]
    usual = Ending.PREVENTED if trial.verdict in _UNTOUCHED else Ending.CAUGHT
    return meant[0] if meant else usual
