"""The brief: everything a researcher needs, bounded, and safe to read and to print."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.brief import BEST, DEAD_ENDS, LATEST, BriefFacts, one_line, write_brief
from overnight.types import Constraint, Goal, Objective, PastTrial, Verdict

POISON = "\x1b[31mred\x1b]0;title\x07\r\n# Heading\n- item\u2028\u202ereversed\0\ud800\x9b2J```"


def past(number: int, verdict: Verdict = Verdict.DISCARD, *, title: str = "an idea") -> PastTrial:
    return PastTrial(number, verdict, 1.0 / (number + 1), title, "It ended so.")


FACTS = BriefFacts(
    trial=7,
    program="Make it learn faster.\n\nNo new dependencies.",
    objective=Objective("val_loss", Goal.MINIMIZE, (Constraint("peak_vram_mb", "<=", 46_000.0),)),
    editable=["train.py", "src/**"],
    protected=["evaluate.py"],
    measure_command="python train.py",
    measure_deadline_s=600.0,
    baseline=past(0, Verdict.KEEP, title="baseline"),
    incumbent=past(3, Verdict.KEEP, title="a wider layer"),
    kept=[past(3, Verdict.KEEP, title="a wider layer")],
    latest=[past(5, Verdict.CRASH, title="fp4"), past(6, title="dropout")],
    dead_ends=[past(2, title="warmup")],
    trials_so_far=6,
)


def long_history(count: int, *, title: str, reason: str) -> BriefFacts:
    trials = [PastTrial(10_000, Verdict.CRASH, None, title, reason)] * count
    return replace(FACTS, kept=trials, latest=trials, dead_ends=trials, trials_so_far=count)


def test_says_everything_that_a_proposal_needs() -> None:
    brief = write_brief(FACTS)
    for told in (
        "# Trial 7",
        "minimize `val_loss`",
        "`python train.py` within 10m 00s",
        "You may change: `train.py`, `src/**`",
        "You must not change: `evaluate.py`",
        "`peak_vram_mb <= 46000`",
        "Make it learn faster.\n\nNo new dependencies.",
        "Baseline: val_loss = 1\n",
        'Incumbent: val_loss = 0.25 (trial 3, "a wider layer")',
        "Trials so far: 6",
        '## Kept so far\n\n- 3 keep val_loss=0.25: "a wider layer"',
        '- 5 crash val_loss=0.166667: "fp4" because "It ended so."\n'
        '- 6 discard val_loss=0.142857: "dropout"',
        '## Earlier ideas that did not help\n\n- 2 discard val_loss=0.333333: "warmup"',
    ):
        assert told in brief


def test_leaves_out_what_there_is_not() -> None:
    baseline = FACTS.baseline
    objective = Objective("accuracy", Goal.MAXIMIZE)
    brief = write_brief(
        replace(
            FACTS,
            objective=objective,
            program="",
            protected=[],
            incumbent=baseline,
            kept=[],
            latest=[],
            dead_ends=[],
        )
    )
    assert "Nothing has been kept yet" in brief
    for absent in ("must not change", "must hold", "The program", "Kept so far", "Latest", "None"):
        assert absent not in brief


def test_a_missing_metric_is_never_a_number() -> None:
    crashed = replace(past(9, Verdict.CRASH), value=None)
    brief = write_brief(replace(FACTS, latest=[crashed]))
    assert '- 9 crash: "an idea" because "It ended so."' in brief


@given(title=st.text(max_size=2000), reason=st.text(max_size=2000))
def test_ten_thousand_trials_take_no_more_room_than_a_hundred(title: str, reason: str) -> None:
    short = write_brief(long_history(100, title=title, reason=reason))
    long = write_brief(long_history(10_000, title=title, reason=reason))
    assert len(long) <= 1.5 * len(short)


def test_the_longest_brief_fits_an_agents_context() -> None:
    trials = long_history(100, title="t" * 10_000, reason="r" * 10_000)
    brief = write_brief(replace(trials, program="p" * 1_000_000, measure_command="c" * 10_000))
    assert len(brief) < 40_000
    assert "(The program goes on in its file.)" in brief


def test_tells_the_latest_kept_the_latest_and_the_newest_dead_ends() -> None:
    titled = [past(number, title=f"idea-{number:03d}.") for number in range(1, 101)]
    brief = write_brief(replace(FACTS, kept=titled, latest=titled, dead_ends=titled[::-1]))
    assert brief.count("idea-100.") == 3
    told = {title for title in (trial.title for trial in titled) if title in brief}
    assert len(told) == max(BEST, LATEST, DEAD_ENDS)


@pytest.mark.parametrize("verdict", Verdict)
@given(texts=st.lists(st.text() | st.just(POISON), min_size=3, max_size=3))
def test_foreign_text_adds_no_line_and_no_control_character(
    verdict: Verdict, texts: Sequence[str]
) -> None:
    title, reason, command = texts

    def brief_with(title: str, reason: str, command: str) -> str:
        told = PastTrial(9, verdict, None, title, reason)
        return write_brief(
            replace(
                FACTS,
                incumbent=told,
                kept=[told],
                latest=[told],
                dead_ends=[told],
                measure_command=command,
            )
        )

    brief, plain = brief_with(title, reason, command), brief_with("t", "r", "c")
    assert len(brief.split("\n")) == len(plain.split("\n"))
    assert headings(brief) == headings(plain)
    assert all(character == "\n" or character.isprintable() for character in brief)


def headings(brief: str) -> list[str]:
    return [line for line in brief.split("\n") if line.startswith("#")]


@given(st.text() | st.just(POISON), st.integers(1, 300))
def test_one_line_is_one_printable_clipped_line(text: str, most: int) -> None:
    line = one_line(text, most_characters=most)
    assert len(line) <= most
    assert not line or line.isprintable()
    assert line == line.strip() or line.endswith("…")


def test_one_line_shows_that_it_clipped() -> None:
    assert one_line("a word too many", most_characters=7) == "a word…"
    assert one_line("  as   it\tis ") == "as it is"
