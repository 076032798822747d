"""Many cheats, each in a night of its own, several nights at a time."""

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path

from overnight.errors import OvernightError
from overnight.testing.cheats.catalogue import Case
from overnight.testing.cheats.cheat import Ending
from overnight.testing.cheats.ground import Protection
from overnight.testing.cheats.night import CheatResult, run_cheat
from overnight.types import Verdict


def run_cheats(
    cases: Sequence[Case],
    *,
    jobs: int = 1,
    keep: Path | None = None,
    protection: Protection = Protection.FULL,
    on_done: Callable[[CheatResult], None] = lambda _result: None,
) -> list[CheatResult]:
    """Run some cheats; each night runs in the main thread of a process, as it must.

    Args:
        jobs: Nights at a time.
        keep: A directory in which everything stays to be looked at; left out, nothing stays.
        on_done: Called when one is done, in whatever order that happens.

    Returns:
        What came of them, in the order of the cases.
    """
    with ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(prefix="overnight-selftest-")
        place = keep if keep is not None else Path(stack.enter_context(temporary))
        # Fresh interpreters: a night leaves threads behind that a fork would not survive.
        pool = stack.enter_context(ProcessPoolExecutor(jobs, mp_context=get_context("spawn")))
        stack.callback(pool.shutdown, cancel_futures=True)
        running = [pool.submit(_attempt, case, place, protection) for case in cases]
        for done in as_completed(running):
            on_done(done.result())
        return [it.result() for it in running]


def _attempt(case: Case, place: Path, protection: Protection) -> CheatResult:
    """Run a cheat, or say why it could not be run."""
    directory = place / f"{case.name}-{case.layout}".replace(" ", "-")
    try:
        directory.mkdir(parents=True)
        return run_cheat(case, directory, protection=protection)
    except (OvernightError, OSError) as error:
        return CheatResult(case, Ending.UNKNOWN, Verdict.INTERRUPTED, str(error), (), 0.0)
