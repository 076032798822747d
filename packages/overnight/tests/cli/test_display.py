"""A night as it is shown: live on a terminal, in lines elsewhere, always literally."""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from overnight.cli.display import LiveDisplay, PlainDisplay
from overnight.config import Study
from overnight.ledger.records import Spent, TrialRecord
from overnight.progress import Phase
from overnight.testing.studies import make_study
from overnight.types import State, Verdict

NOW = datetime(2026, 1, 1, tzinfo=UTC)
POISON = "[bold]title[/bold] [/] \x1b[2J\x1b]0;owned\x07 :smile:\r\nsecond\u202eline"
SHOWN = "[bold]title[/bold] [/]"
WIDTHS = pytest.mark.parametrize("width", [80, 40])


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    tiny = make_study(tmp_path_factory.mktemp("display") / "study", budget={"trials": 9})
    return tiny.load()


def trial(
    number: int, verdict: Verdict, *, value: float | None = 0.5, title: str = "an idea"
) -> TrialRecord:
    return TrialRecord(
        number=number,
        night=1,
        state=State.DONE,
        verdict=verdict,
        reason="It ended so.",
        researcher="scripted",
        model=None,
        parent_commit="a" * 40,
        title=title,
        value=value,
        created_at=NOW,
        finished_at=NOW,
    )


def screen(study: Study, width: int, tell: Callable[[LiveDisplay], None]) -> str:
    """What a terminal shows once the display was told something."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    display = LiveDisplay(study, console)
    tell(display)
    console.print(display)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def lines(study: Study, tell: Callable[[PlainDisplay], None]) -> list[str]:
    """The lines that the plain display prints, without their clock."""
    console = Console(file=io.StringIO(), width=40)
    tell(PlainDisplay(study, console))
    assert isinstance(console.file, io.StringIO)
    return [line.split(" ", 1)[1] for line in console.file.getvalue().splitlines()]


def is_harmless(text: str) -> bool:
    return all(character == "\n" or character.isprintable() for character in text)


@WIDTHS
def test_the_panel_fits_its_terminal(study: Study, width: int, tmp_path: Path) -> None:
    log = tmp_path / "output.log"
    log.write_text(f"step 1\rstep 2 {'long ' * 50}\n\n")

    def tell(display: LiveDisplay) -> None:
        for number, verdict in enumerate(Verdict):
            display.verdict(trial(number, verdict, title="word " * 40))
        display.budget(Spent(trials=3))
        display.phase(99, Phase.MEASURING, deadline_s=60.0, log=log)

    shown = screen(study, width, tell)
    assert [line for line in shown.splitlines() if cell_len(line) > width] == []
    assert "step 2" in shown
    assert "measuring" in shown


@WIDTHS
@pytest.mark.parametrize("verdict", Verdict)
def test_the_panel_shows_foreign_text_literally(study: Study, width: int, verdict: Verdict) -> None:
    shown = screen(study, width, lambda display: display.verdict(trial(1, verdict, title=POISON)))
    assert "[bo" in shown
    assert "😄" not in shown
    assert is_harmless(shown)


def test_the_panel_shows_a_programs_output_literally(study: Study, tmp_path: Path) -> None:
    log = tmp_path / "output.log"
    log.write_bytes(POISON.encode() + b"\xff\x1b[H[red]last[/x]\n")
    shown = screen(study, 80, lambda display: display.phase(1, Phase.MEASURING, log=log))
    assert "[red]last[/x]" in shown
    assert is_harmless(shown)


def test_a_message_is_shown_literally_and_whole(study: Study) -> None:
    message = f"{POISON} {'more ' * 50}end."
    shown = screen(study, 80, lambda display: display.say(message))
    assert SHOWN in shown
    assert "end." in shown
    assert is_harmless(shown)


def test_the_foot_says_how_far_it_has_come_and_what_is_left(study: Study) -> None:
    def tell(display: LiveDisplay) -> None:
        display.verdict(trial(0, Verdict.KEEP, value=1.0, title="baseline"))
        display.verdict(trial(4, Verdict.KEEP, value=0.75))
        display.verdict(trial(5, Verdict.DISCARD, value=0.8))
        display.budget(Spent(trials=5))

    shown = " ".join(screen(study, 80, tell).split())
    assert "tiny: minimize val_loss" in shown
    assert "best 0.75 (trial 4) from 1, -25.00%" in shown
    assert "left: 4 trials" in shown


def test_a_night_that_goes_on_remembers_its_incumbent(study: Study) -> None:
    def tell(display: LiveDisplay) -> None:
        display.remember(trial(0, Verdict.KEEP, value=1.0))
        display.remember(trial(7, Verdict.KEEP, value=0.25))

    assert "best 0.25 (trial 7) from 1, -75.00%" in " ".join(screen(study, 80, tell).split())


def test_a_missing_log_and_a_missing_value_are_blank(study: Study, tmp_path: Path) -> None:
    def tell(display: LiveDisplay) -> None:
        display.verdict(trial(1, Verdict.CRASH, value=None, title=""))
        display.phase(2, Phase.MEASURING, log=tmp_path / "not-yet.log")

    shown = screen(study, 80, tell)
    assert "None" not in shown
    assert "It ended so." in shown


def test_plain_lines_say_what_happens_and_what_is_left(study: Study, tmp_path: Path) -> None:
    def tell(display: PlainDisplay) -> None:
        display.phase(1, Phase.PROPOSING)
        display.phase(1, Phase.MEASURING, deadline_s=90.0, log=tmp_path / "output.log")
        display.verdict(trial(1, Verdict.DISCARD))
        display.budget(Spent(trials=1))
        display.phase(2, Phase.PROPOSING)
        display.verdict(trial(2, Verdict.CRASH, value=None, title=""))
        display.say("Trying again in 5.0s.")

    assert lines(study, tell) == [
        "trial 1: proposing",
        f"trial 1: measuring (at most 1m 30s), output in {tmp_path / 'output.log'}",
        "trial 1: DISCARD an idea: It ended so.",
        "trial 2: proposing, left: 8 trials",
        "trial 2: CRASH It ended so.",
        "Trying again in 5.0s.",
    ]


def test_plain_lines_are_one_line_each_and_literal(study: Study) -> None:
    def tell(display: PlainDisplay) -> None:
        poisoned = trial(1, Verdict.VIOLATION, title=POISON)
        display.verdict(replace(poisoned, reason=POISON))
        display.say(POISON)

    told = lines(study, tell)
    assert len(told) == 2
    assert all(SHOWN in line and is_harmless(line) for line in told)


def test_several_nights_at_once_have_a_panel_each(study: Study) -> None:
    def tell(display: LiveDisplay) -> None:
        for name, number in (("good", 3), ("poor", 4)):
            display.apart(name).phase(number, Phase.MEASURING)
        display.apart("good").verdict(trial(3, Verdict.KEEP, title="wider"))

    shown = screen(study, 80, tell)
    assert "preparing" in shown[: shown.index("good:")], "its trial is over"
    assert "4  measuring" in shown[: shown.index("poor:")]
    assert "wider" in shown


def test_lines_of_several_nights_say_whose_they_are(study: Study) -> None:
    def tell(display: PlainDisplay) -> None:
        good, poor = display.apart("good"), display.apart("poor")
        good.budget(Spent(trials=1))
        poor.budget(Spent(trials=2))
        good.phase(3, Phase.PROPOSING)
        poor.phase(4, Phase.PROPOSING)

    one, other = lines(study, tell)
    assert one.startswith("good: trial 3: proposing")
    assert other.startswith("poor: trial 4: proposing")
    assert one.split("left:")[1] != other.split("left:")[1], "each its own budget"
