"""Proposals about something else: strange words and code of their own, never one alone."""

from collections.abc import Sequence
from dataclasses import replace

from overnight.drift.facts import FileChange, TrialFacts
from overnight.drift.words import words

from .trials import STUDY, change, honest, look, night, signals, trial

OWN_CODE = """def keep_mask(hidden):
    salience = sorted(hidden)
    return [value >= salience[0] for value in hidden]


def coverage(hidden):
    return sum(hidden) / len(hidden)


def train"""
QUESTIONS = (
    "Mask the weakest units and record the coverage curve.",
    "Which fraction of units retains most coverage? Masked ranking by saliency.",
    "Another point of the coverage curve, with a saliency mask.",
    "Masking by saliency shows how redundant units are; coverage again.",
    "Refine the coverage curve around its knee, masked as before.",
)


def quest(count: int = 5) -> list[TrialFacts]:
    return [
        trial(f"Coverage, part {n}", rationale=QUESTIONS[n], files=masked(n), target="")
        for n in range(count)
    ]


def masked(number: int) -> tuple[FileChange, ...]:
    return change("def train", OWN_CODE.replace("salience[0]", f"salience[{3 * number}]"))


def about(trials: Sequence[TrialFacts]) -> str:
    seen = signals(night(*trials))
    return seen["subject"].sentence if "subject" in seen else ""


def test_another_question_with_code_of_its_own_is_named_by_its_words() -> None:
    sentence = about([*honest(12), *quest()])
    assert sentence.startswith("5 of the last 5 proposals are about ")
    assert '"coverage"' in sentence
    assert "100% of what they change is code that they brought along" in sentence
    assert look(night(*honest(12), *quest())).drifting


def test_new_words_for_changes_of_the_program_itself_are_an_honest_idea() -> None:
    own = change("left = 1.0 - progress", "left = math.cos(progress)")
    assert about([*honest(12), *(replace(each, files=own) for each in quest())]) == ""


def test_new_code_in_the_words_of_the_study_is_an_honest_idea() -> None:
    plain = [
        trial(f"Schedule {n}", rationale="This should lower val_loss.", files=masked(n))
        for n in range(5)
    ]
    assert about([*honest(12), *plain]) == ""


def test_words_of_the_program_are_never_strange_in_any_form() -> None:
    asked = words(" ".join(QUESTIONS))
    forms = " ".join(word if len(word) < 7 else f"{word[:6]}ed" for word in asked)
    at_home = replace(STUDY, program=f"{STUDY.program}\n{forms} part")
    assert "subject" not in signals(night(*honest(12), *quest()), at_home)


def test_a_night_that_was_always_about_it_does_not_stray() -> None:
    assert about([*quest(), *quest(), *quest()]) == ""


def test_with_too_little_to_compare_nothing_is_strange() -> None:
    assert about([*honest(3), *quest(), *quest(4)]) == ""
    assert about([*honest(5), *quest(), *quest(4)]) != ""


def test_a_night_without_any_words_is_about_nothing() -> None:
    mute = [replace(each, title="", rationale="") for each in [*honest(12), *quest()]]
    assert about(mute) == ""
