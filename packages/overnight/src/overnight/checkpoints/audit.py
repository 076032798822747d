"""An audit: every keep measured again, and the incumbent without each kept change in turn."""

from collections.abc import Mapping

from overnight.bench import Bench
from overnight.checkpoints.again import Again, Runs
from overnight.checkpoints.worth import Remeasured, Worth, worths
from overnight.errors import BaselineFailed
from overnight.ledger.records import TrialRecord
from overnight.types import CheckpointKind, JsonValue, Purpose, Validation
from overnight.workspace.candidates import Candidate

_SEED_OF_REPEAT = 1_000_000


def audit(bench: Bench, *, repeats: int, latest: int | None = None) -> list[Worth]:
    """Find out what each kept change is worth; recorded as a checkpoint of its own kind.

    Runs go in turn over the whole chain, so that a drift of the machine hits all alike.

    Args:
        repeats: Runs of every commit.
        latest: Only so many keeps, the newest; left out: all.

    Returns:
        Oldest first.

    Raises:
        BaselineFailed: Nothing has been kept yet.
        Stopped: A stop was asked for; what was measured stays in the ledger.
    """
    ledger = bench.ledger
    ledger.abandon_checkpoints(reason="Cut off.")
    kept = ledger.kept()
    if len(kept) < 2:
        raise BaselineFailed("Nothing has been kept yet, so there is nothing to audit.")
    chain = kept[1:] if latest is None else kept[1:][-latest:]
    start = kept[kept.index(chain[0]) - 1]
    number = ledger.begin_checkpoint(
        CheckpointKind.AUDIT,
        night=None,
        after_trial=ledger.latest(1)[0].number,
        incumbent=kept[-1].number,
    )
    with Again(bench, number, purpose=Purpose.AUDIT) as again:
        found = _Found(start, chain)
        _measure(again, found, ablated=_ablations(bench, chain, number), repeats=repeats)
    told = worths(bench.study.objective.goal, found.at_start.values, found.chain())
    facts: Mapping[str, JsonValue] = {"keeps": [worth.facts() for worth in told]}
    reason = f"{len(chain)} keeps measured again, {repeats} runs each."
    ledger.end_checkpoint(number, Validation.UNCLEAR, reason=reason, facts=facts)
    return told


class _Found:
    """Runs of an audit by what they are of."""

    def __init__(self, start: TrialRecord, trials: list[TrialRecord]) -> None:
        self.start, self.trials = start, trials
        self.at_start = Runs()
        self.at = {trial.number: Runs() for trial in trials}
        self.without: dict[int, Runs] = {}

    def chain(self) -> list[Remeasured]:
        return [
            Remeasured(
                trial.number,
                trial.title,
                tuple(self.at[trial.number].values),
                tuple(self.without[trial.number].values) if trial.number in self.without else None,
            )
            for trial in self.trials
        ]


def _measure(
    again: Again, found: _Found, *, ablated: Mapping[int, Candidate], repeats: int
) -> None:
    found.without = {trial: Runs() for trial in ablated}
    for repeat in range(repeats):
        seed = _SEED_OF_REPEAT + repeat
        again.once(found.start, into=found.at_start, seed=seed, holdout=False)
        for trial in found.trials:
            again.once(trial, into=found.at[trial.number], seed=seed, holdout=False)
        for trial in found.trials:
            if (candidate := ablated.get(trial.number)) is not None:
                into = found.without[trial.number]
                again.once(trial, into=into, seed=seed, holdout=False, candidate=candidate)


def _ablations(bench: Bench, chain: list[TrialRecord], number: int) -> dict[int, Candidate]:
    """The incumbent without each change that can be taken out of it alone.

    The newest change is left out: the incumbent without it is the keep before it.
    """
    incumbent = chain[-1]
    taken_out = {
        trial.number: bench.repository.without(
            incumbent.commit or "",
            parent=trial.parent_commit,
            commit=trial.commit or "",
            name=f"audit-{number}-{trial.number:04d}",
        )
        for trial in chain[:-1]
    }
    return {trial: candidate for trial, candidate in taken_out.items() if candidate is not None}
