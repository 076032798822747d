"""The last measurement of a comparison: what every arm came to, and the baseline, in turn.

In each block every commit is measured once, in an order drawn for that block and with the same
seed, so that what the machine does meanwhile moves no side against another.
"""

from collections.abc import Sequence

from overnight.bench import Bench
from overnight.checkpoints.again import Again, Runs
from overnight.compare.schedules import order_of_block
from overnight.ledger.records import TrialRecord
from overnight.types import CheckpointKind, Purpose, Validation

_SEED_OF_BLOCK = 2_000_000


def measure_finals(benches: Sequence[Bench], comparison: int, *, runs: int, seed: int) -> None:
    """Measure the incumbent of every arm and the baseline again; recorded as a checkpoint.

    Arms that stand at the same commit share its runs.

    Args:
        benches: One for each night of each arm.
        runs: How many blocks.
        seed: Of the orders.

    Raises:
        Stopped: A stop was asked for; the next session measures all of it again.
    """
    bench = benches[0]
    baseline = bench.ledger.trial(0)
    trials = _each_once([baseline, *(_incumbent(each) for each in benches)])
    number = bench.ledger.begin_checkpoint(
        CheckpointKind.COMPARISON,
        night=None,
        after_trial=max(trial.number for trial in trials),
        incumbent=baseline.number,
    )
    with Again(bench, number, purpose=Purpose.COMPARISON) as again:
        for block in range(runs):
            for trial in order_of_block(trials, block=block, seed=seed):
                again.once(trial, into=Runs(), seed=_SEED_OF_BLOCK + block, holdout=False)
    bench.ledger.end_checkpoint(
        number,
        Validation.UNCLEAR,
        reason=f"The results of comparison {comparison} measured again, {runs} runs each.",
        facts={"comparison": comparison, "runs": runs},
    )


def _incumbent(bench: Bench) -> TrialRecord:
    incumbent = bench.ledger.incumbent()
    return incumbent if incumbent is not None else bench.ledger.trial(0)


def _each_once(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    return list({trial.number: trial for trial in trials}.values())
