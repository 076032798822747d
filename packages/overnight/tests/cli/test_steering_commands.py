"""``steer``, ``pause``, ``resume``, ``stop`` and ``forget``: what they leave, and what they say."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from overnight import lock
from overnight.brief import one_line
from overnight.cli.forget import forget
from overnight.cli.pause import pause
from overnight.cli.resume import resume
from overnight.cli.steer import steer
from overnight.cli.stop import stop
from overnight.errors import OvernightError
from overnight.layout import Layout
from overnight.ledger.store import Ledger
from overnight.steering import Message, Order, inbox_of, waiting
from overnight.testing.studies import make_study
from overnight.types import EventKind, Judgement, State, Verdict

POISON = "\x1b[2J\x1b]0;gotcha\x07"
PATIENCE_S = 30.0
HOLD = (
    "import sys, signal; from pathlib import Path; from overnight import lock\n"
    "with lock.hold(Path(sys.argv[1])):\n"
    "    print('held', flush=True); signal.pause()\n"
)
Say = Callable[..., str]


@pytest.fixture
def say(root: Path) -> Say:
    """Calls a command about the study of `root`; gives back what it printed."""
    app = typer.Typer(pretty_exceptions_enable=False)
    for command in (steer, pause, resume, stop, forget):
        app.command()(command)

    def say(*arguments: str, study: Path = root) -> str:
        options = ["--study", str(study)]
        return CliRunner().invoke(app, [*arguments, *options], catch_exceptions=False).stdout

    return say


@pytest.fixture
def layout(root: Path) -> Layout:
    return Layout(root)


@pytest.fixture
def running(layout: Layout) -> Iterator[None]:
    """Somebody runs the study."""
    with lock.hold(layout.lock):
        yield


@contextmanager
def holder(layout: Layout) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the study's lock."""
    argv = [sys.executable, "-c", HOLD, str(layout.lock)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def pin(layout: Layout, text: str, *, unpinned: bool = False) -> int:
    """A message as a night records it; returns its number."""
    with closing(Ledger(layout.ledger)) as ledger:
        number = ledger.record_event(EventKind.STEERED, text, details={"by": "me", "pinned": True})
        ledger.record_event(EventKind.STEERED, "told once", details={"by": "me", "pinned": False})
        if unpinned:
            ledger.record_event(EventKind.UNPINNED, details={"number": number})
    return number


def left(layout: Layout) -> Message:
    """The only message in the spool."""
    (message,) = waiting(inbox_of(layout))
    return message


def test_steer_leaves_a_text_for_the_next_brief(say: Say, layout: Layout, running: None) -> None:
    assert say("steer", "Try the warm-down first.") == "It goes into the next brief.\n"
    message = left(layout)
    assert (message.order, message.pinned) == (Order.STEER, False)
    assert message.text == "Try the warm-down first."


def test_steer_takes_words_tabs_and_lines(say: Say, layout: Layout) -> None:
    say("steer", "try", "this:\r\n\tdepth = 8\n")
    assert left(layout).text == "try this:\n    depth = 8"


def test_steer_without_a_night_is_kept_for_the_next(say: Say, layout: Layout) -> None:
    assert say("steer", "--pin", "Leave the tokenizer alone.") == (
        "It goes into the first brief of the next night; none is running"
        " and every one after it, until it is unpinned.\n"
    )
    assert left(layout).pinned


def test_steer_unpins_by_number(say: Say, layout: Layout, running: None) -> None:
    number = pin(layout, "Leave the tokenizer alone.")
    told = say("steer", "--unpin", str(number))
    assert told == f"Message {number} leaves the briefs with the next brief.\n"
    assert (left(layout).order, left(layout).number) == (Order.UNPIN, number)


def test_steer_unpins_only_what_is_pinned(say: Say, layout: Layout, tmp_path: Path) -> None:
    number = pin(layout, "Leave the tokenizer alone.", unpinned=True)
    for study in (layout.root, make_study(tmp_path / "new").root):
        with pytest.raises(
            OvernightError, match=r"no pinned message \d+\. `overnight steer --list"
        ):
            say("steer", "--unpin", str(number), study=study)
    assert waiting(inbox_of(layout)) == []


def test_steer_lists_what_is_pinned_and_what_waits(say: Say, layout: Layout) -> None:
    assert say("steer", "--list") == ""
    pin(layout, "no longer", unpinned=True)
    number = pin(layout, f"Leave the tokenizer alone.\n{POISON}")
    say("steer", "one")
    say("steer", "--pin", "two\nlines")
    say("steer", "--unpin", str(number))
    say("forget")
    lines = say("steer", "--list").splitlines()
    assert all(line.isprintable() for line in lines)
    assert [re.sub(r" \(20.*?\)", "", line) for line in lines] == [
        f"{number}: pinned: Leave the tokenizer alone. {one_line(POISON)}",
        "waiting: one",
        "to be pinned, waiting: two lines",
        f"waiting: unpin {number}",
    ]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), r"takes a text, --unpin or --list\. Write `overnight steer"),
        (("text", "--list"), "takes a text"),
        (("text", "--unpin", "3"), "takes a text"),
        (("--pin",), "takes a text"),
        (("--list", "--pin"), "takes a text"),
        ((" \n",), "nothing to steer by"),
        (("x" * 4001,), "4,001 characters; 4,000 are the most"),
        (("\x1b[2J",), r"U\+001B at character 1"),
        (("\udcff",), r"U\+DCFF at character 1"),
    ],
)
def test_steer_refuses_what_a_brief_could_not_tell(
    say: Say, layout: Layout, arguments: tuple[str, ...], problem: str
) -> None:
    with pytest.raises(OvernightError, match=problem):
        say("steer", *arguments)
    assert waiting(inbox_of(layout)) == []


def test_before_the_first_night_everything_is_kept(say: Say, tmp_path: Path) -> None:
    study = make_study(tmp_path / "new")
    say("steer", "x", study=study.root)
    say("forget", study=study.root)
    told = say("resume", study=study.root / "src")
    assert told == "No night is running; the next `overnight run` begins without a pause.\n"
    orders = [message.order for message in waiting(inbox_of(study.layout))]
    assert orders == [Order.STEER, Order.FORGET, Order.RESUME]
    assert study.git("status", "--porcelain") == ""


@pytest.mark.parametrize("arguments", [("pause",), ("stop",), ("stop", "--now")])
def test_what_needs_a_night_says_that_none_is_running(
    say: Say, layout: Layout, arguments: tuple[str, ...]
) -> None:
    with pytest.raises(OvernightError, match=r"No night .* is running\. `overnight status`"):
        say(*arguments)
    assert waiting(inbox_of(layout)) == []


def test_resume_and_forget_tell_what_will_happen(say: Say, layout: Layout, running: None) -> None:
    assert say("resume") == "The night goes on, if it is paused.\n"
    assert say("forget") == "Notes and history so far are left out of the next brief.\n"
    orders = [message.order for message in waiting(inbox_of(layout))]
    assert orders == [Order.RESUME, Order.FORGET]


def test_pause_and_stop_come_after_a_trial_that_is_proposed(
    say: Say, layout: Layout, running: None
) -> None:
    assert say("pause") == (
        "Trial 5 is being proposed; the night pauses after it. `overnight resume` goes on.\n"
    )
    assert left(layout).order is Order.PAUSE
    assert say("stop") == (
        "Trial 5 is being proposed; the night stops after it. `overnight run` goes on with it.\n"
    )


def test_pause_tells_how_long_a_run_may_last(
    say: Say, layout: Layout, running: None, root: Path
) -> None:
    with closing(Ledger(layout.ledger)) as ledger:
        ledger.begin_run(5, from_state=State.PROPOSING)
    study_file = root / "overnight.toml"
    study_file.write_text(study_file.read_text().replace('"10s"', '"900000s"'))
    told = say("pause")
    assert re.match(r"Trial 5 is being measured, at most (249h 59|250h 00)m more; the ni", told)
    study_file.write_text("name = ")
    assert say("pause").startswith("Trial 5 is being measured; the night pauses after it. ")


def test_pause_between_trials_and_before_the_first(
    say: Say, layout: Layout, running: None, tmp_path: Path
) -> None:
    with closing(Ledger(layout.ledger)) as ledger:
        ledger.close_trial(5, Judgement(Verdict.INTERRUPTED, "Cut off."))
    between = "The night pauses before its next trial. `overnight resume` goes on.\n"
    assert say("pause") == between
    new = make_study(tmp_path / "new")
    with lock.hold(new.layout.lock):
        assert say("pause", study=new.root) == between


def test_stop_now_terminates_the_night(say: Say, layout: Layout) -> None:
    with holder(layout) as night:
        told = say("stop", "--now")
        assert told.startswith(f"The night of process {night.pid} stops now; ")
        assert night.wait(PATIENCE_S) == -signal.SIGTERM
    assert (left(layout).order, left(layout).now) == (Order.STOP, True)


@pytest.mark.parametrize("gone", [False, True])
def test_stop_now_spares_a_process_that_only_has_the_number(
    say: Say, layout: Layout, tmp_path: Path, gone: bool
) -> None:
    with ExitStack() as stack:
        stack.enter_context(holder(layout))
        other = stack.enter_context(holder(Layout(tmp_path / "other")))
        if gone:
            other.kill()
            other.wait(PATIENCE_S)
        told = json.loads(layout.lock.read_text())
        layout.lock.write_text(json.dumps({**told, "pid": other.pid}))
        assert say("stop", "--now") == "The night has just ended.\n"
        assert gone or other.poll() is None


@pytest.mark.parametrize(
    ("who", "told"),
    [
        (
            '{"pid": 4711, "host": "gpu2\\u001b[2J", "since": "2026"}',
            "The night runs on gpu2 [2J and stops when it next looks for messages;"
            " `kill 4711` there stops it at once.\n",
        ),
        ("", "The night is just beginning, and stops when it looks for messages.\n"),
    ],
)
def test_stop_now_elsewhere_says_what_to_do(
    say: Say, layout: Layout, running: None, who: str, told: str
) -> None:
    layout.lock.write_text(who)
    assert say("stop", "--now") == told
    assert left(layout).now


def test_stop_now_ends_a_real_night_in_order(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERNIGHT_WORK", str(tmp_path / "work"))
    study = make_study(tmp_path / "study", measure={"command": "sleep 600", "deadline": "20m"})
    program = "from overnight.cli.main import main; main()"
    argv = [sys.executable, "-c", program, "run", "--plain", "--study", str(study.root)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as night:
        try:
            assert night.stdout is not None
            assert any("measuring (at most 20m 00s)" in line for line in night.stdout)
            assert say("stop", study=study.root).startswith("Trial 0 is being measured, at most ")
            say("stop", "--now", study=study.root)
            assert "Stopping now; trial 0 is left consistent." in night.stdout.read()
            assert night.wait(PATIENCE_S) == 130
        finally:
            night.kill()
