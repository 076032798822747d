"""Several steps at the same time."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from overnight.errors import Stopped


def at_once(steps: Sequence[Callable[[], None]], *, tell: Callable[[str], None]) -> None:
    """Take steps at the same time, each in a thread of its own; waits for all of them.

    One alone is taken in this thread. In the main thread, signals are heard meanwhile.

    Args:
        tell: Is told what else went wrong beside the error that is raised.

    Raises:
        Exception: What a step has raised; a request to stop only where nothing else was wrong.
    """
    if len(steps) == 1:
        steps[0]()
        return
    with ThreadPoolExecutor(len(steps), "at-once") as pool:
        futures = [pool.submit(step) for step in steps]
        wait(futures)
    raised = [error for future in futures if (error := future.exception()) is not None]
    raised.sort(key=lambda error: isinstance(error, Stopped))
    for error in raised[1:]:
        tell(str(error))
    if raised:
        raise raised[0]
