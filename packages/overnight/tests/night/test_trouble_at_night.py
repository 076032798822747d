"""A night in which something is broken stops spending, says why, and waits or ends."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from overnight.errors import (
    AgentCrashed,
    AuthenticationFailed,
    OvernightError,
    QuotaExhausted,
    ServerFailed,
)
from overnight.ledger.queries import LedgerReader
from overnight.progress import Phase
from overnight.researchers.scripted import Step
from overnight.steering import Message, Order, post
from overnight.testing.consistency import contradictions
from overnight.testing.studies import TRAIN, Listener, TinyStudy, prints
from overnight.types import EventKind

Make = Callable[..., TinyStudy]
CRASHES = [Step(f"broken {n}", edits={TRAIN: f"exit {n}\n"}) for n in range(1, 20)]
FINE = [Step(f"fine {n}", edits={TRAIN: prints(1 + n)}) for n in range(1, 20)]


class Resumer(Listener):
    """Resumes every pause shortly after it has begun."""

    def __init__(self, study: TinyStudy, order: Order = Order.RESUME) -> None:
        super().__init__()
        self.pauses = 0
        self._study = study
        self._order = order

    def phase(self, trial: int, phase: Phase, **_: object) -> None:
        if phase is Phase.PAUSED:
            self.pauses += 1
            timer = threading.Timer(0.2, post, (self._study.layout, Message(self._order)))
            timer.daemon = True
            timer.start()


def trouble(study: TinyStudy) -> list[str]:
    with closing(LedgerReader(study.layout.ledger)) as reader:
        return [event.text for event in reader.events(EventKind.TROUBLE)]


def test_trial_after_trial_without_a_measurement_pauses(make: Make) -> None:
    study = make(budget={"trials": 7}, watch={"unmeasured": 3, "pause": True})
    resumer = Resumer(study)
    end = study.run(CRASHES, watcher=resumer)
    assert end.finished
    assert resumer.pauses == 2, "after three, and after three more"
    assert trouble(study)[0].startswith("3 trials in a row came to no measurement; the last: crash")
    assert contradictions(study.load()) == []


def test_one_measurement_in_between_is_no_trouble(make: Make) -> None:
    study = make(budget={"trials": 6}, watch={"unmeasured": 3, "pause": True})
    steps = [*CRASHES[:2], FINE[0], *CRASHES[2:4], FINE[1]]
    resumer = Resumer(study)
    study.run([Step(s.title, edits=s.edits) for s in steps], watcher=resumer)
    assert resumer.pauses == 0


def test_without_pauses_the_session_ends_with_what_is_wrong(make: Make) -> None:
    study = make(budget={"trials": 9}, watch={"unmeasured": 2, "pause": False})
    with pytest.raises(OvernightError, match="2 trials in a row came to no measurement"):
        study.run(CRASHES)
    assert len(study.trials()) == 3
    assert contradictions(study.load()) == []


def test_an_agent_that_never_worked_ends_the_session_at_once(make: Make) -> None:
    study = make(watch={"pause": True})
    with pytest.raises(AuthenticationFailed):
        study.run([Step("no key", error=AuthenticationFailed("401."))])


def test_an_agent_that_stops_working_at_night_pauses_and_goes_on(make: Make) -> None:
    study = make(budget={"trials": 2}, watch={"pause": True})
    steps = [FINE[0], Step("no credit", error=QuotaExhausted("No credit.")), FINE[2]]
    resumer = Resumer(study)
    end = study.run(steps, watcher=resumer)
    assert (end.finished, resumer.pauses) == (True, 1)
    assert trouble(study) == ["No credit."]


def test_repeated_failures_of_the_agent_pause(make: Make) -> None:
    study = make(
        budget={"trials": 2},
        watch={"pause": True, "agent_failures": 3},
        researcher={"kind": "scripted", "attempts": 1, "options": {"steps": []}},
    )
    failing = [Step("down", error=ServerFailed("503.")) for _ in range(3)]
    resumer = Resumer(study)
    study.run([FINE[0], *failing, FINE[5]], watcher=resumer)
    assert resumer.pauses == 1


def test_nobody_comes(make: Make) -> None:
    study = make(watch={"pause": True, "unmeasured": 1, "give_up": "600ms"})
    end = study.run(CRASHES)
    assert not end.finished
    assert "Nobody came for 0.6s." in end.reason


def test_a_disk_with_too_little_room_begins_nothing(make: Make) -> None:
    study = make(watch={"pause": False, "least_disk_gb": 1e9})
    with pytest.raises(OvernightError, match="GiB are free"):
        study.run(FINE)
    assert len(study.trials()) == 1, "only the baseline"


class Mailbox(BaseHTTPRequestHandler):
    """Takes what apprise's ``json://`` sends."""

    letters: ClassVar[list[dict[str, str]]] = []

    def do_POST(self) -> None:
        size = int(self.headers["content-length"])
        self.letters.append(json.loads(self.rfile.read(size)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def mailbox() -> Iterator[tuple[str, list[dict[str, str]]]]:
    Mailbox.letters.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mailbox)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"json://127.0.0.1:{server.server_port}/", Mailbox.letters
    server.shutdown()
    server.server_close()


def test_people_are_told_of_what_matters(
    make: Make, mailbox: tuple[str, list[dict[str, str]]]
) -> None:
    url, letters = mailbox
    study = make(
        budget={"trials": 4},
        notify={"urls": [url]},
        watch={"pause": True, "unmeasured": 2},
        checkpoint={"every_trials": 1, "at_end": False, "repeats": 1},
    )
    steps = [Step("good", edits={TRAIN: prints(0.5)}), *CRASHES[:2], FINE[3]]
    study.run([Step(s.title, edits=s.edits) for s in steps], watcher=Resumer(study))
    titles = [letter["title"] for letter in letters]
    assert titles == [
        "tiny: new best val_loss 1 -> 0.5 (-50.00%)",
        "tiny: checkpoint: trial 1 is validated",
        "tiny: failing: 2 trials without a measurement in a row",
        "tiny: paused until you resume it",
        "tiny: finished: val_loss 1 -> 0.5 (-50.00%)",
    ]
    assert "1 of 4 trials kept" in letters[-1]["message"]


def test_a_crashed_agent_is_retried_as_before(make: Make) -> None:
    study = make(
        budget={"trials": 1},
        researcher={"kind": "scripted", "attempts": 1, "options": {"steps": []}},
    )
    study.run([Step("crash", error=AgentCrashed("It died.")), FINE[1]])
    assert [trial.title for trial in study.trials()][-1] == "fine 2"
