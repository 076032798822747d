"""Orders from other terminals, taken in between the steps of a night and recorded."""

from collections.abc import Sequence
from datetime import UTC, datetime

from overnight.bench import Bench
from overnight.brief import Guidance
from overnight.ledger.records import EventRecord
from overnight.steering import Inbox, Message, Order, still_pinned
from overnight.stopping import StopRequest
from overnight.types import EventKind, JsonValue

_RECORDED_AS = {
    Order.STEER: EventKind.STEERED,
    Order.UNPIN: EventKind.UNPINNED,
    Order.PAUSE: EventKind.PAUSED,
    Order.RESUME: EventKind.RESUMED,
    Order.STOP: EventKind.STOPPED,
    Order.FORGET: EventKind.FORGOTTEN,
}
_STEERING = (Order.STEER, Order.UNPIN, Order.FORGET)


class Controls:
    """What a night was told, and what that means now.

    Attributes:
        wants_pause: Whether somebody has asked to pause and not yet to go on.
        wants_to_go_on: Whether somebody has asked to go on since the last pause began.
        forgot: Whether notes and history were dropped since this was last asked.

    Args:
        night: What orders are recorded under.
        steerable: Whether messages to the researcher and `forget` are followed; in a comparison
            they would favour whichever arm has its turn.
    """

    def __init__(
        self, bench: Bench, request: StopRequest, inbox: Inbox, *, night: int, steerable: bool
    ) -> None:
        self.wants_pause = False
        self.wants_to_go_on = False
        self.forgot = False
        self._ledger = bench.ledger
        self._watcher = bench.watcher
        self._request = request
        self._inbox = inbox
        self._night = night
        self._steerable = steerable
        self._began_at = datetime.now(UTC)

    def obey(self, *, trial: int) -> None:
        """Take in what was left since the last call.

        Args:
            trial: The number of the next trial.
        """
        mail = self._inbox.peek()
        for sentence in mail.refused:
            self._watcher.say(sentence)
        recorded = self._recorded() if mail.messages else set()
        for message in mail.messages:
            if not self._steerable and message.order in _STEERING:
                self._watcher.say(f"Not followed: {message.order} would favour one arm.")
            elif message.concerns(session_began_at=self._began_at) and message.id not in recorded:
                self._record(message, trial)
                self._follow(message)
            self._inbox.done(message)

    def guidance(self, *, latest_proposed: int) -> Guidance:
        """What the next brief tells of it.

        Args:
            latest_proposed: The latest trial that came to a proposal; what was said before it was
                told then.
        """
        told = self._ledger.events(EventKind.STEERED, EventKind.UNPINNED)
        once = [e for e in told if e.kind is EventKind.STEERED and not e.details.get("pinned")]
        return Guidance(
            pinned=_texts(still_pinned(told)),
            steering=_texts([event for event in once if (event.trial or 0) > latest_proposed]),
        )

    def _record(self, message: Message, trial: int) -> None:
        details: dict[str, JsonValue] = {"message": message.id, "by": message.by}
        if message.order is Order.STEER:
            details["pinned"] = message.pinned
        if message.number is not None:
            details["number"] = message.number
        self._ledger.record_event(
            _RECORDED_AS[message.order],
            message.text,
            night=self._night,
            trial=trial,
            details=details,
        )

    def _follow(self, message: Message) -> None:
        match message.order:
            case Order.PAUSE:
                self.wants_pause, self.wants_to_go_on = True, False
            case Order.RESUME:
                self.wants_pause, self.wants_to_go_on = False, True
            case Order.STOP:
                self._request.ask_politely(now=message.now)
            case Order.FORGET:
                self.forgot = True
            case Order.STEER:
                self._watcher.say("Steered; the next brief says it.")
            case Order.UNPIN:
                self._watcher.say(f"Message {message.number} is no longer pinned.")

    def _recorded(self) -> set[JsonValue]:
        return {event.details.get("message") for event in self._ledger.events()}


def _texts(events: Sequence[EventRecord]) -> tuple[str, ...]:
    return tuple(event.text for event in events)
