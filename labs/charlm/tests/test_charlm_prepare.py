from types import ModuleType

import numpy as np
import pytest


def test_split_shares_no_file_and_keeps_both_sides(prepare: ModuleType) -> None:
    sides = {name: prepare.is_validation(name) for name in prepare.source_names()}
    assert 0 < sum(sides.values()) < len(sides) / 4


def test_sources_are_library_modules_only(prepare: ModuleType) -> None:
    names = prepare.source_names()
    assert "argparse.py" in names
    assert len(set(names)) == len(names)
    assert not any("test" in name.split("/")[:-1] for name in names)
    assert not any("site-packages" in name for name in names)


def test_corpus_is_the_same_every_time(prepare: ModuleType) -> None:
    first = prepare.load_corpus()
    prepare.load_corpus.cache_clear()
    again = prepare.load_corpus()
    assert first is not again
    assert np.array_equal(first.train, again.train)
    assert np.array_equal(first.validation, again.validation)


def test_corpus_fills_its_caps(prepare: ModuleType) -> None:
    corpus = prepare.load_corpus()
    assert len(corpus.train) == prepare.MAX_TRAIN_BYTES
    assert len(corpus.validation) > prepare.EVAL_BYTES


def test_knowing_nothing_costs_eight_bits(prepare: ModuleType) -> None:
    assert prepare.evaluate_bpb(_uniform) == pytest.approx(8)


def test_contexts_end_right_before_their_targets(
    prepare: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    cycle = np.arange(50_000, dtype=np.int64).astype(np.uint8)  # 0, 1, ..., 255, 0, ...
    monkeypatch.setattr(prepare, "load_corpus", lambda: prepare.Corpus(cycle, cycle))

    def successor(contexts: np.ndarray) -> np.ndarray:
        assert contexts.shape[1] == prepare.MAX_CONTEXT
        with np.errstate(divide="ignore"):
            return np.log(np.eye(256)[contexts[:, -1] + np.uint8(1)])

    assert prepare.evaluate_bpb(successor) == 0


@pytest.mark.parametrize("shift", [0.1, float("nan")])
def test_scores_that_are_no_distribution_are_refused(prepare: ModuleType, shift: float) -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        prepare.evaluate_bpb(lambda contexts: _uniform(contexts) + shift)


def test_wrong_shape_is_refused(prepare: ModuleType) -> None:
    with pytest.raises(ValueError, match="log-probabilities"):
        prepare.evaluate_bpb(lambda contexts: _uniform(contexts)[:, :100])


def test_budget_can_be_overridden(prepare: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(prepare.TIME_BUDGET_VARIABLE, raising=False)
    assert prepare.budget_s() == prepare.TIME_BUDGET_S
    monkeypatch.setenv(prepare.TIME_BUDGET_VARIABLE, "0.25")
    assert prepare.TimeBudget().seconds == 0.25


def test_clock_counts_processor_time(prepare: ModuleType) -> None:
    clock = prepare.TimeBudget(0.02)
    while clock.fraction() < 1:
        pass
    assert 0.02 <= clock.elapsed_s() < 0.5


def _uniform(contexts: np.ndarray) -> np.ndarray:
    return np.full((len(contexts), 256), -np.log(256))
