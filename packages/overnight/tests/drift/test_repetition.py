"""Proposals that ask again what was answered no: seen in disguise, and told from honest mending."""

from dataclasses import replace

import pytest

from overnight.drift.facts import FileChange, TrialFacts
from overnight.types import Verdict

from .trials import change, honest, look, night, signals, trial

COSINE = """
    left = 0.5 * (1.0 + math.cos(math.pi * progress))
    warm = min(1.0, progress / 0.1)"""


def cosine(disguise: str = "", *, verdict: Verdict = Verdict.DISCARD) -> TrialFacts:
    """The same schedule once more, in one of several disguises."""
    body = {
        "": COSINE,
        "names": COSINE.replace("left", "remaining").replace("warm", "onset"),
        "comments": COSINE.replace("\n    warm", "\n    # rise at first\n\n    warm"),
        "numbers": COSINE.replace("0.1", "0.104").replace("0.5", "0.49"),
        "order": "\n".join(["", *reversed(COSINE.strip("\n").splitlines())]),
    }[disguise]
    files = change("\n    left = 1.0 - progress", body)
    return trial(f"Cosine {disguise}", verdict, rationale="Fall like a cosine.", files=files)


@pytest.mark.parametrize("disguise", ["names", "comments", "numbers", "order"])
def test_the_same_idea_is_recognised_in_disguise(disguise: str) -> None:
    trials = night(*honest(12), cosine(), *[cosine(disguise)] * 4)
    seen = signals(trials)["repetition"]
    assert seen.sentence == (
        "4 of the last 4 proposals ask again what had been answered:"
        " 14 (as 13), 15 (as 14), 16 (as 15) and 17 (as 16)"
    )
    assert look(trials).drifting


def test_duplicates_repeat_whatever_they_say() -> None:
    again = [trial(f"Fresh words {n}", Verdict.DUPLICATE, gain=None) for n in "abcd"]
    assert signals(night(*honest(12), *again))["repetition"].since == 13


def test_changes_of_comments_alone_repeat_the_incumbent() -> None:
    idle = [
        trial(f"Clearer {n}", files=change("import math", f"import math  # {n}")) for n in "abcd"
    ]
    assert look(night(*honest(12), *idle)).drifting


def failed(verdict: Verdict) -> list[TrialFacts]:
    return [replace(cosine(), verdict=verdict, gain=None, metrics={}) for _ in range(3)]


@pytest.mark.parametrize("verdict", [Verdict.CRASH, Verdict.VIOLATION, Verdict.TIMEOUT])
def test_what_was_never_answered_may_be_asked_again(verdict: Verdict) -> None:
    assert "repetition" not in signals(night(*honest(12), *failed(verdict), cosine()))


def test_what_is_kept_in_the_end_was_worth_asking_again() -> None:
    kept = cosine("names", verdict=Verdict.KEEP)
    assert "repetition" not in signals(night(*honest(12), cosine(), kept))


def test_other_values_of_the_same_constant_are_other_questions() -> None:
    swept = [
        trial(f"RATE {rate}", files=change("RATE = 0.1", f"RATE = {rate}"))
        for rate in (0.3, 0.5, 0.8, 1.2, 2.0)
    ]
    assert "repetition" not in signals(night(*honest(12), *swept))


def test_other_ideas_for_the_same_function_are_other_questions() -> None:
    bodies = ["math.cos(progress)", "1.0", "max(0.1, 1.0 - progress**2)", "(1 + progress) ** -1"]
    ideas = [trial(f"Schedule {body}", files=change("1.0 - progress", body)) for body in bodies]
    assert "repetition" not in signals(night(*honest(12), *ideas))


def test_one_idea_asked_twice_is_no_drift() -> None:
    assert not look(night(*honest(12), cosine(), cosine("names"), *honest(3, done=12))).drifting


def test_files_that_are_no_programs_repeat_by_their_lines() -> None:
    def settings(rate: str) -> TrialFacts:
        old, new = "rate: 0.1\nwidth: 64\n", f"# again\nrate: {rate}\nwidth: 64\n"
        return trial(f"Rate {rate}", files=(FileChange("settings.yaml", old, new),))

    same = [settings(rate) for rate in ("0.2", "0.201", "0.199", "0.2")]
    others = [settings(rate) for rate in ("0.2", "0.3", "0.5", "0.9")]
    assert "repetition" in signals(night(*honest(12), *same))
    assert "repetition" not in signals(night(*honest(12), *others))
