"""Orders from another terminal to a night that runs, and to the next one."""

import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

from overnight.errors import NoChange
from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import EventRecord, TrialRecord
from overnight.progress import Phase
from overnight.researchers.registry import create
from overnight.researchers.scripted import Step
from overnight.steering import Inbox, Message, Order, inbox_of, post
from overnight.testing.consistency import contradictions
from overnight.testing.studies import TRAIN, Listener, TinyStudy, prints
from overnight.types import EventKind, Verdict

Make = Callable[..., TinyStudy]
STEPS = [Step(f"step {n}", edits={TRAIN: prints(1 + n / 10)}) for n in range(1, 9)]


class Terminal(Listener):
    """Somebody at another terminal, who acts when a trial has its verdict or a pause begins."""

    def __init__(
        self,
        study: TinyStudy,
        *,
        after: Mapping[int, list[Message]] | None = None,
        when_paused: list[Message] | None = None,
    ) -> None:
        super().__init__()
        self.pauses = 0
        self._study = study
        self._after = after or {}
        self._when_paused = when_paused or []

    def verdict(self, trial: TrialRecord) -> None:
        for message in self._after.get(trial.number, []):
            self._post(message)

    def phase(self, trial: int, phase: Phase, **_: object) -> None:
        if phase is Phase.PAUSED:
            self.pauses += 1
            for message in self._when_paused:
                timer = threading.Timer(0.2, self._post, (message,))
                timer.daemon = True
                timer.start()

    def _post(self, message: Message) -> None:
        post(self._study.layout, replace(message, at=datetime.now(UTC)))


def brief(study: TinyStudy, trial: int) -> str:
    return (study.layout.trial(trial) / "brief.md").read_text()


def events(study: TinyStudy, *kinds: EventKind) -> list[EventRecord]:
    with closing(LedgerReader(study.layout.ledger)) as reader:
        return reader.events(*kinds)


def test_what_is_said_once_stands_in_the_next_brief_only(make: Make) -> None:
    study = make(budget={"trials": 3})
    study.run(STEPS, watcher=Terminal(study, after={1: [Message(Order.STEER, "Warm down!")]}))
    told = [("Warm down!" in brief(study, trial)) for trial in (1, 2, 3)]
    assert told == [False, True, False]
    [event] = events(study, EventKind.STEERED)
    assert (event.text, event.trial) == ("Warm down!", 2)
    assert "@" in str(event.details["by"])


def test_what_is_pinned_stands_in_every_brief_until_it_is_unpinned(make: Make) -> None:
    study = make(budget={"trials": 2})
    terminal = Terminal(study, after={0: [Message(Order.STEER, "Small steps.", pinned=True)]})
    study.run(STEPS, watcher=terminal)
    [pinned] = events(study, EventKind.STEERED)
    post(study.layout, Message(Order.UNPIN, number=pinned.id))
    study.configure(budget={"trials": 1})
    study.run(STEPS)
    told = [("Small steps." in brief(study, trial)) for trial in (1, 2, 3)]
    assert told == [True, True, False]


def test_what_was_said_before_a_trial_that_came_to_no_proposal_is_said_again(make: Make) -> None:
    study = make(budget={"trials": 2})
    steps = [Step("nothing", error=NoChange("It changed nothing.")), *STEPS[1:]]
    study.run(steps, watcher=Terminal(study, after={0: [Message(Order.STEER, "Listen!")]}))
    assert ["Listen!" in brief(study, trial) for trial in (1, 2, 3)] == [True, True, False]


def test_a_message_that_was_left_without_a_night_is_for_the_next(make: Make) -> None:
    study = make(budget={"trials": 1})
    post(study.layout, Message(Order.STEER, "Good morning."))
    study.run(STEPS)
    assert "Good morning." in brief(study, 1)
    assert Inbox(inbox_of(study.layout)).peek().messages == ()


def test_a_pause_lasts_until_somebody_resumes_it_and_costs_no_budget(make: Make) -> None:
    study = make(budget={"trials": 3})
    terminal = Terminal(
        study,
        after={1: [Message(Order.PAUSE)]},
        when_paused=[Message(Order.RESUME)],
    )
    end = study.run(STEPS, watcher=terminal)
    assert terminal.pauses == 1
    assert end.finished
    assert [trial.number for trial in study.trials()] == [0, 1, 2, 3]
    kinds = [event.kind for event in events(study)]
    assert kinds == [EventKind.PAUSED, EventKind.RESUMED]
    assert contradictions(study.load()) == []


def test_a_stop_ends_the_night_after_the_trial_at_hand(make: Make) -> None:
    study = make(budget={"trials": 5})
    end = study.run(STEPS, watcher=Terminal(study, after={2: [Message(Order.STOP)]}))
    assert (end.finished, end.reason) == (False, "Stopped on request.")
    assert [trial.number for trial in study.trials()] == [0, 1, 2]


def test_a_stop_while_paused_ends_the_night(make: Make) -> None:
    study = make(budget={"trials": 5})
    terminal = Terminal(study, after={1: [Message(Order.PAUSE)]}, when_paused=[Message(Order.STOP)])
    end = study.run(STEPS, watcher=terminal)
    assert (end.finished, end.reason) == (False, "Stopped while paused.")
    assert contradictions(study.load()) == []


def test_forget_drops_history_and_notes_and_keeps_credentials(make: Make) -> None:
    study = make(
        budget={"trials": 3}, researcher={"kind": "command", "options": {"command": _NOTES}}
    )
    terminal = Terminal(study, after={2: [Message(Order.FORGET)]})
    study.run(create(study.load().researcher_settings), watcher=terminal)
    assert [trial.title for trial in study.trials()[1:]] == ["0 notes", "1 notes", "0 notes"]
    assert "0 notes" in brief(study, 2)
    assert "notes" not in brief(study, 3)
    assert "Baseline: val_loss = 1" in brief(study, 3)
    assert (study.layout.trial(1) / "agent.stdout").exists(), "the record itself stays"


_NOTES = (
    'n=$(ls "$OVERNIGHT_HOME" | grep -c note); touch "$OVERNIGHT_HOME/note-$OVERNIGHT_TRIAL"'
    ' "$OVERNIGHT_HOME/agent-login.json"; echo "echo val_loss: 2 # $OVERNIGHT_TRIAL" >train.sh;'
    ' echo "$n notes"'
)


def test_every_verdict_is_out_before_an_order_is_followed(make: Make) -> None:
    study = make(budget={"trials": 2})
    study.run(STEPS, watcher=Terminal(study, after={1: [Message(Order.STOP)]}))
    assert study.trials()[-1].verdict is Verdict.DISCARD
