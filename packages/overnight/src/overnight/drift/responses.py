"""What is done about drift: which response comes next, from the record of those before."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from overnight.drift.score import Assessment


class Action(StrEnum):
    """One way to answer drift.

    `RE_ANCHOR`: the next briefs put the objective first and name what was seen. `CLEAN_CONTEXT`:
    accumulated notes and history are dropped. `ROLL_BACK`: the incumbent becomes the last validated
    checkpoint. `PAUSE`: the night holds still and a person is told.
    """

    RE_ANCHOR = "re_anchor"
    CLEAN_CONTEXT = "clean_context"
    ROLL_BACK = "roll_back"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True)
class Response:
    """One answer to drift.

    Attributes:
        trial: Number of the trial after which it is given.
        reasons: What was seen, as sentences, the strongest first.
    """

    action: Action
    trial: int
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResponseSettings:
    """The order of the responses and their limits.

    Attributes:
        order: From the mildest to the last.
        limits: How often each may be given; those left out once, a pause always.
        grace: Trials that a response is given to work before the next one.
        quiet: So many quiet trials after that take back one step of the order.
    """

    order: tuple[Action, ...] = tuple(Action)
    limits: Mapping[Action, int] = field(default_factory=dict)
    grace: int = 3
    quiet: int = 10

    def limit(self, action: Action) -> float:
        """How often a response may be given in all."""
        return self.limits.get(action, float("inf") if action is Action.PAUSE else 1)


def next_response(
    past: Sequence[Response],
    trial: int,
    assessment: Assessment,
    settings: ResponseSettings,
    *,
    impossible: Collection[Action] = (),
) -> Response | None:
    """The response to give after a trial, or None for none.

    The first is the mildest; each later one is the next in order, less one step for every quiet
    stretch since the last. What has reached its limit or is impossible is passed over.

    Args:
        past: Responses so far, oldest first.
        trial: Number of the trial that has just finished.
        impossible: Responses that cannot be given now, such as a roll-back without a checkpoint.
    """
    if not assessment.drifting or (past and trial - past[-1].trial < settings.grace):
        return None
    reasons = tuple(signal.sentence for signal in assessment.signals if signal.log_odds > 0)
    for action in settings.order[_level(past, trial, settings) :]:
        given = sum(response.action is action for response in past)
        if action not in impossible and given < settings.limit(action):
            return Response(action, trial, reasons)
    return None


def _level(past: Sequence[Response], trial: int, settings: ResponseSettings) -> int:
    """Where in the order to begin: one further than last time, unless it has been quiet since."""
    if not past or past[-1].action not in settings.order:
        return 0
    waited = trial - past[-1].trial - settings.grace
    further = settings.order.index(past[-1].action) + 1 - waited // settings.quiet
    return min(max(further, 0), len(settings.order) - 1)
