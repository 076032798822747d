"""Gathering what a brief says: as few reads of the ledger for 10,000 trials as for ten."""

from overnight.brief import BEST, DEAD_ENDS, LATEST, BriefFacts, write_brief
from overnight.config import Study
from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import TrialRecord
from overnight.types import Verdict


def brief_for(
    trial: TrialRecord, *, incumbent: TrialRecord, study: Study, ledger: LedgerReader
) -> str:
    """The brief of a trial that is about to be proposed."""
    finished = ledger.latest(LATEST + DEAD_ENDS)
    latest, earlier = finished[:LATEST], finished[LATEST:]
    kept = ledger.latest(BEST, verdicts=[Verdict.KEEP])
    facts = BriefFacts(
        trial=trial.number,
        program=study.program_text(),
        objective=study.objective,
        editable=study.editable.patterns,
        protected=study.protected.patterns,
        measure_command=study.measure.command,
        measure_deadline_s=study.measure.deadline_s,
        baseline=ledger.trial(0).past(),
        incumbent=incumbent.past(),
        kept=[past.past() for past in reversed(kept)],
        latest=[past.past() for past in reversed(latest)],
        dead_ends=[past.past() for past in earlier if past.verdict is not Verdict.KEEP],
        trials_so_far=trial.number - 1,
    )
    return write_brief(facts)
