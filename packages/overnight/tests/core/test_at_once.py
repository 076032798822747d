"""Several steps at the same time, and what is raised when some of them fail."""

import threading
from collections.abc import Callable
from functools import partial

import pytest

from overnight.at_once import at_once
from overnight.errors import OvernightError, Stopped


def fail(error: Exception) -> None:
    raise error


def test_steps_overlap() -> None:
    meeting = threading.Barrier(3)
    at_once([lambda: _meet(meeting)] * 3, tell=print)
    assert meeting.n_waiting == 0


def _meet(meeting: threading.Barrier) -> None:
    meeting.wait(timeout=30)


def test_one_alone_is_taken_in_the_callers_thread() -> None:
    taken: list[threading.Thread] = []
    at_once([lambda: taken.append(threading.current_thread())], tell=print)
    assert taken == [threading.current_thread()]


def test_the_others_are_waited_for_and_errors_go_before_stops() -> None:
    done = threading.Event()
    told: list[str] = []
    steps: list[Callable[[], None]] = [
        partial(fail, Stopped("Stopped.")),
        partial(fail, OvernightError("One is broken.")),
        partial(fail, OvernightError("Another as well.")),
        done.set,
    ]
    with pytest.raises(OvernightError, match="One is broken"):
        at_once(steps, tell=told.append)
    assert done.is_set()
    assert told == ["Another as well.", "Stopped."]
