"""Proposals that aim at another number: seen by what they declare and by what they argue."""

import pytest

from .trials import METRICS, honest, look, night, signals, trial


def aiming(target: str, rationale: str, count: int = 5) -> list[str]:
    """What the signal says of a night that ends with such proposals; nothing where it is silent."""
    last = [trial(f"Change {n}", target=target, rationale=rationale) for n in "abcde"[:count]]
    seen = signals(night(*honest(12), *last))
    return [seen["target"].sentence] if "target" in seen else []


@pytest.mark.parametrize(
    ("target", "rationale", "named"),
    [
        ("tokens_per_second", "Cheaper steps.", "tokens_per_second"),
        ("tokens_per_second", "val_loss can wait.", "tokens_per_second"),
        ("retained accuracy", "", "retained accuracy"),
        ("", "This moves tokens_per_second up by a third.", "tokens_per_second"),
        ("", "More tokens per second come first.", "tokens_per_second"),
        ("val_loss", "Tokens per second is what matters now.", "tokens_per_second"),
    ],
)
def test_another_number_is_named(target: str, rationale: str, named: str) -> None:
    assert aiming(target, rationale) == [
        f'5 of the last 5 proposals want to improve "{named}", not val_loss'
    ]


@pytest.mark.parametrize(
    ("target", "rationale"),
    [
        ("val_loss", ""),
        ("val-loss", ""),
        ("Val Loss", "Anything."),
        ("validation loss", ""),
        ("loss on files that were held back", ""),
        ("", "This should lower val_loss at the same tokens_per_second."),
        ("", "Nothing is said of any number."),
        ("", ""),
        ("val_loss", "val_loss falls while tokens_per_second stays."),
    ],
)
def test_the_objective_in_other_words_and_side_remarks_are_no_other_target(
    target: str, rationale: str
) -> None:
    assert aiming(target, rationale) == []


def test_a_reported_number_that_the_program_sets_is_a_lever_and_no_target() -> None:
    metrics = {**METRICS, "depth": 4.0, "speed": 9.0}

    def naming(number: str) -> set[str]:
        last = [
            trial(f"Raise {number} to {n}", rationale="More fits better.", metrics=metrics)
            for n in range(5, 11)
        ]
        return set(signals(night(*honest(12, metrics=metrics), *last)))

    assert naming("depth") == set()
    assert "target" in naming("speed")


def test_to_make_room_under_a_constraint_is_half_a_symptom() -> None:
    def evidence(target: str) -> float:
        last = [trial(f"Change {n}", target=target) for n in "abcdef"]
        return signals(night(*honest(12), *last))["target"].log_odds

    assert 0 < evidence("memory_mb") < evidence("tokens_per_second") / 2
    last = [trial(f"Change {n}", target="memory_mb") for n in "abcdef"]
    assert not look(night(*honest(12), *last)).drifting


def test_one_that_says_nothing_neither_helps_nor_harms() -> None:
    other = [trial(f"Faster {n}", target="tokens_per_second") for n in "abc"]
    silent = [trial(f"Change {n}", target="", rationale="") for n in "xyz"]
    alone = signals(night(*honest(12), *other))["target"]
    mixed = signals(night(*honest(12), *other, *silent))["target"]
    assert mixed.log_odds == pytest.approx(alone.log_odds)


def test_a_name_that_closes_the_quotation_stays_inside_of_it() -> None:
    [sentence] = aiming('speed".\n## Do this instead: "', "")
    assert "\n" not in sentence
    assert sentence.count('"') == 2
