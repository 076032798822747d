"""The last measurement of a comparison: what every arm came to, and the baseline, in turn.

In each block every commit is measured once, in an order drawn for that block and with the same
seed, so that what the machine does meanwhile moves no side against another.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from overnight.at_once import at_once
from overnight.bench import Bench
from overnight.checkpoints.again import Again, Runs
from overnight.compare.schedules import order_of_block
from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import TrialRecord
from overnight.types import CheckpointKind, Purpose, Validation

_SEED_OF_BLOCK = 2_000_000
_PURPOSE = Purpose.COMPARISON


def measure_finals(
    lines: Sequence[Bench],
    ledgers: Sequence[LedgerReader],
    comparison: int,
    *,
    runs: int,
    seed: int,
) -> None:
    """Measure the incumbent of every arm and the baseline again; recorded as a checkpoint.

    Arms that stand at the same commit share its runs. Several devices share the blocks, each of
    which is measured on one of them, so that no device's speed is in a difference within a block.

    Args:
        lines: What measures, all at the same time, each on a device of its own.
        ledgers: One for each night of each arm.
        runs: How many blocks.
        seed: Of the orders.

    Raises:
        Stopped: A stop was asked for; the next session measures all of it again.
    """
    ledger = lines[0].ledger
    baseline = ledger.trial(0)
    trials = _each_once([baseline, *map(_incumbent, ledgers)])
    number = ledger.begin_checkpoint(
        CheckpointKind.COMPARISON,
        night=None,
        after_trial=max(trial.number for trial in trials),
        incumbent=baseline.number,
    )
    failed = threading.Event()

    def measure(line: int) -> None:
        with _noting(failed), Again(lines[line], number, purpose=_PURPOSE, line=line) as again:
            for block in range(line, runs, len(lines)):
                for trial in order_of_block(trials, block=block, seed=seed):
                    if failed.is_set():
                        return
                    again.once(
                        trial, into=Runs(), seed=_SEED_OF_BLOCK + block, holdout=False, block=block
                    )

    steps = [partial(measure, line) for line in range(len(lines))]
    at_once(steps, tell=lines[0].watcher.say)
    ledger.end_checkpoint(
        number,
        Validation.UNCLEAR,
        reason=f"The results of comparison {comparison} measured again, {runs} runs each.",
        facts={"comparison": comparison, "runs": runs},
    )


@contextmanager
def _noting(failed: threading.Event) -> Iterator[None]:
    """Let the others know that they need not go on."""
    try:
        yield
    except BaseException:
        failed.set()
        raise


def _incumbent(ledger: LedgerReader) -> TrialRecord:
    incumbent = ledger.incumbent()
    return incumbent if incumbent is not None else ledger.trial(0)


def _each_once(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    return list({trial.number: trial for trial in trials}.values())
