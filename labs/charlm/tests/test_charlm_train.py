import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

LAB = Path(__file__).parents[1]
TINY = {"context": 3, "longest_ngram": 3, "ngram_rows": 7, "embed_width": 4, "hidden_width": 5}


class Steps:
    """A clock that runs out after a number of steps."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.taken = -1

    def fraction(self) -> float:
        self.taken += 1
        return self.taken / self.total

    def elapsed_s(self) -> float:
        return float(self.taken)


def test_fresh_model_spreads_its_bets(train: ModuleType) -> None:
    model = train.Model(np.random.default_rng(0), train.Design())
    windows, targets = _examples(64, context=train.CONTEXT)
    loss, _ = train.cross_entropy(model.logits(windows), targets)
    assert loss == pytest.approx(np.log(256), rel=1e-6)


@pytest.mark.parametrize("activation", ["relu", "relu_squared", "silu", "tanh"])
def test_gradients_match_finite_differences(train: ModuleType, activation: str) -> None:
    _check_gradients(train, train.Design(**TINY, layers=2, activation=activation))


@pytest.mark.parametrize(
    "change",
    [{"normalize": False}, {"use_bias": False}, {"layers": 0}, {"longest_ngram": 1}],
    ids=str,
)
def test_gradients_match_in_every_design(train: ModuleType, change: dict[str, Any]) -> None:
    _check_gradients(train, train.Design(**(TINY | {"activation": "tanh"} | change)))


def test_every_activation_of_the_comment_exists(train: ModuleType) -> None:
    listed = re.search(r"^ACTIVATION = .*# one of (.*)$", _source(), re.MULTILINE)
    assert listed
    assert set(listed[1].split(", ")) == set(train.ACTIVATIONS)


@pytest.mark.parametrize(
    "change", [{"context": 129}, {"longest_ngram": 17}, {"activation": "cosine"}], ids=str
)
def test_impossible_designs_are_refused(train: ModuleType, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"CONTEXT|ACTIVATION"):
        train.Design(**change)


def test_overfits_a_tiny_batch(train: ModuleType) -> None:
    design = train.Design(context=8, longest_ngram=2, ngram_rows=64, hidden_width=32)
    model = train.Model(np.random.default_rng(0), design)
    windows, targets = _examples(32, context=8)
    optimizer = train.AdamW(model.parameters)
    for _ in range(40):
        loss, grad = train.cross_entropy(model.logits(windows), targets)
        model.backward(grad)
        optimizer.step(0.01)
    assert loss < 0.02


def test_model_reads_only_the_end_of_a_long_context(train: ModuleType) -> None:
    model = _shaken(train, train.Design(**TINY))
    windows, _ = _examples(16, context=10)
    assert np.array_equal(model.logprob(windows), model.logprob(windows[:, -3:]))


def test_same_seed_and_steps_give_the_same_weights(train: ModuleType) -> None:
    first, again = (_trained(train, seed=1) for _ in range(2))
    other = _trained(train, seed=2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_learning_rate_rises_holds_and_falls(
    train: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"LEARNING_RATE": 2.0, "WARMUP": 0.1, "WARMDOWN": 0.4, "FINAL_LR": 0.25}
    for name, value in settings.items():
        monkeypatch.setattr(train, name, value)
    rates = [train.learning_rate(done) for done in (0.0, 0.05, 0.1, 0.6, 0.8, 1.0)]
    assert rates == pytest.approx([0.0, 1.0, 2.0, 2.0, 1.25, 0.5])


@pytest.mark.parametrize("done", [0.0, 0.5, 0.999])
def test_schedule_without_warm_up_or_warm_down_is_flat(
    train: ModuleType, monkeypatch: pytest.MonkeyPatch, done: float
) -> None:
    monkeypatch.setattr(train, "WARMUP", 0.0)
    monkeypatch.setattr(train, "WARMDOWN", 0.0)
    assert train.learning_rate(done) == train.LEARNING_RATE


def test_clipping_bounds_the_norm_of_the_whole_gradient(
    train: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "GRADIENT_CLIP", 1.0)
    parameters = [train.Parameter(np.zeros(2)), train.Parameter(np.zeros((1, 2)))]
    for parameter in parameters:
        parameter.grad[:] = 10.0
    train.AdamW(parameters).step(0.1)
    norm = np.sqrt(sum(np.vdot(parameter.grad, parameter.grad) for parameter in parameters))
    assert norm == pytest.approx(1.0)


def test_run_prints_a_summary_that_parses() -> None:
    run = _run(LAB)
    assert run.returncode == 0, run.stderr
    block = run.stdout.split("---\n")[1]
    metrics = {name: float(value) for name, value in re.findall(r"^(\w+): (\S+)$", block, re.M)}
    assert metrics.keys() == {
        "val_bpb",
        "training_seconds",
        "total_seconds",
        "peak_rss_mb",
        "num_steps",
        "num_params",
        "tokens_per_second",
    }
    assert 1 < metrics["val_bpb"] < 8
    assert 0.3 <= metrics["training_seconds"] < 1
    assert metrics["peak_rss_mb"] < 1024


def test_divergence_fails_the_run(tmp_path: Path) -> None:
    broken = re.sub(r"^LEARNING_RATE = \S+", "LEARNING_RATE = 1e30", _source(), flags=re.M)
    (tmp_path / "train.py").write_text(broken)
    (tmp_path / "prepare.py").write_text((LAB / "prepare.py").read_text())
    run = _run(tmp_path)
    assert run.returncode == 1
    assert "FAIL" in run.stdout
    assert "val_bpb" not in run.stdout


def _check_gradients(train: ModuleType, design: Any) -> None:
    """Compare every parameter's gradient with central differences, at its largest entries."""
    model = _shaken(train, design)
    windows, targets = _examples(6, context=design.context)

    def loss() -> float:
        return float(train.cross_entropy(model.logits(windows), targets)[0])

    model.backward(train.cross_entropy(model.logits(windows), targets)[1])
    for parameter in model.parameters:
        value, grad = parameter.value.reshape(-1), parameter.grad.reshape(-1)
        for index in np.argsort(-np.abs(grad))[:40]:
            step, old = 1e-6, value[index]
            value[index] = old + step
            above = loss()
            value[index] = old - step
            below = loss()
            value[index] = old
            assert (above - below) / (2 * step) == pytest.approx(grad[index], rel=1e-5, abs=1e-8)
        assert np.any(grad)


def _shaken(train: ModuleType, design: Any) -> Any:
    """A model in double precision whose every parameter is random, the output layer's too."""
    rng = np.random.default_rng(3)
    model = train.Model(rng, design, np.float64)
    for parameter in model.parameters:
        parameter.value += 0.5 * rng.standard_normal(parameter.value.shape)
    return model


def _trained(train: ModuleType, *, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    model = train.Model(rng, train.Design(**TINY))
    text = np.frombuffer(b"def step(self) -> None: ..." * 20, np.uint8)
    assert train.train(model, text, clock=Steps(5), rng=rng) == 5
    return [parameter.value for parameter in model.parameters]


def _examples(rows: int, *, context: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    windows = rng.integers(97, 123, size=(rows, context), dtype=np.uint8)
    return windows, rng.integers(97, 123, size=rows, dtype=np.uint8)


def _source() -> str:
    return (LAB / "train.py").read_text()


def _run(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"CHARLM_TIME_BUDGET_S": "0.3"}
    return subprocess.run(
        [sys.executable, "train.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
