"""Which response to drift comes next: laws over every order, limit and past."""

from collections.abc import Callable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from overnight.drift.responses import Action, Response, ResponseSettings, next_response
from overnight.drift.score import JUDGE, Assessment, Signal

DRIFT = Assessment(score=0.9, threshold=0.5, signals=(Signal("rules", 0.9, "It left.", 3, 7.5),))
CALM = Assessment(score=0.1, threshold=0.5)
ORDERS = st.lists(st.sampled_from(Action), unique=True, max_size=4).map(tuple)
LIMITS = st.dictionaries(st.sampled_from(Action), st.integers(0, 3))
GRACE, QUIET = st.integers(1, 5), st.integers(1, 12)
SETTINGS = st.builds(ResponseSettings, ORDERS, LIMITS, GRACE, QUIET)
NEVER_QUIET = st.builds(ResponseSettings, ORDERS, LIMITS, GRACE, st.just(10**9))
IMPOSSIBLE = st.sets(st.sampled_from(Action), max_size=2)


def answer(
    settings: ResponseSettings,
    is_drift: Callable[[int], bool],
    *,
    trials: int = 40,
    impossible: set[Action] | None = None,
) -> list[Response]:
    """Every response of a night in which some trials drift."""
    given_: list[Response] = []
    for number in range(1, trials + 1):
        assessment = DRIFT if is_drift(number) else CALM
        response = next_response(given_, number, assessment, settings, impossible=impossible or ())
        if response is not None:
            given_.append(response)
    return given_


def steps(given_: list[Response]) -> list[Action]:
    """The responses, each once, in the order in which they were first given."""
    return list(dict.fromkeys(response.action for response in given_))


def always(_: int) -> bool:
    return True


@given(SETTINGS)
def test_without_drift_there_is_no_response(settings: ResponseSettings) -> None:
    assert answer(settings, lambda _: False) == []
    past = [Response(action, 1) for action in settings.order]
    assert next_response(past, 99, CALM, settings) is None


@given(NEVER_QUIET)
def test_drift_without_end_goes_through_the_order(settings: ResponseSettings) -> None:
    given_ = answer(settings, always)
    places = [settings.order.index(response.action) for response in given_]
    assert places == sorted(places)
    assert steps(given_) == [action for action in settings.order if settings.limit(action) > 0]


@given(SETTINGS, st.sets(st.integers(1, 40)))
def test_no_response_exceeds_its_limit(settings: ResponseSettings, drifting: set[int]) -> None:
    given_ = [response.action for response in answer(settings, drifting.__contains__)]
    assert all(given_.count(action) <= settings.limit(action) for action in Action)


@given(SETTINGS, st.sets(st.integers(1, 40)))
def test_each_response_is_given_time_to_work(
    settings: ResponseSettings, drifting: set[int]
) -> None:
    numbers = [response.trial for response in answer(settings, drifting.__contains__)]
    assert set(numbers) <= drifting
    assert all(later - earlier >= settings.grace for earlier, later in pairwise(numbers))


@given(NEVER_QUIET, IMPOSSIBLE)
def test_what_is_impossible_is_passed_over(
    settings: ResponseSettings, impossible: set[Action]
) -> None:
    given_ = answer(settings, always, impossible=impossible)
    assert not impossible & {response.action for response in given_}
    left = [action for action in settings.order if action not in impossible]
    others = ResponseSettings(tuple(left), settings.limits, settings.grace, settings.quiet)
    assert steps(given_) == steps(answer(others, always))


@given(GRACE, QUIET, st.integers(0, 5))
def test_every_quiet_stretch_takes_back_a_step(grace: int, quiet: int, stretches: int) -> None:
    often = dict.fromkeys(Action, 9)
    settings = ResponseSettings(limits=often, grace=grace, quiet=quiet)
    past = [Response(Action.RE_ANCHOR, 1), Response(Action.CLEAN_CONTEXT, 10)]
    for waited in (0, quiet - 1):
        number = 10 + grace + stretches * quiet + waited
        response = next_response(past, number, DRIFT, settings)
        assert response is not None
        assert response.action is list(Action)[max(2 - stretches, 0)]


def test_what_is_left_out_of_the_limits_is_given_once_but_a_pause_always() -> None:
    given_ = answer(ResponseSettings(grace=3), always, trials=20)
    assert [(each.action, each.trial) for each in given_] == [
        (Action.RE_ANCHOR, 1),
        (Action.CLEAN_CONTEXT, 4),
        (Action.ROLL_BACK, 7),
        *((Action.PAUSE, number) for number in (10, 13, 16, 19)),
    ]


def test_an_exhausted_step_is_passed_over_after_a_quiet_stretch() -> None:
    past = [Response(Action.RE_ANCHOR, 1)]
    response = next_response(past, 40, DRIFT, ResponseSettings())
    assert response is not None
    assert response.action is Action.CLEAN_CONTEXT


def test_a_response_of_another_order_begins_anew() -> None:
    settings = ResponseSettings(order=(Action.CLEAN_CONTEXT, Action.PAUSE))
    response = next_response([Response(Action.ROLL_BACK, 1)], 9, DRIFT, settings)
    assert response is not None
    assert response.action is Action.CLEAN_CONTEXT


def test_the_reasons_are_what_speaks_for_drift_the_strongest_first() -> None:
    signals = (
        Signal("rules", 0.9, "It left the scope.", 3, 7.0),
        Signal("target", 0.2, "It wants speed.", 3, 2.0),
        Signal(JUDGE, 0.0, "A judge votes that all is well.", 9, -1.4),
    )
    response = next_response([], 9, Assessment(0.9, 0.5, signals), ResponseSettings())
    assert response is not None
    assert response.reasons == ("It left the scope.", "It wants speed.")
