import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from expertswap.checkpoint import Checkpoint
from expertswap.cli.main import main
from expertswap.observation import Observation, save_observation
from expertswap.prune.record import pruning_steps


def observation_of(checkpoint: Checkpoint) -> Observation:
    """One in which expert 0 is used most, and the last never."""
    L, E = len(checkpoint.shape.moe_layers), checkpoint.shape.num_experts
    count_DLE = np.tile(np.arange(E)[::-1], (1, L, 1))
    return Observation(
        model=checkpoint.identity,
        domains=("code",),
        tokens_D=np.array([14]),
        count_DLE=count_DLE,
        gate_sum_DLE=count_DLE.astype(np.float64),
        norm_sum_DLE=count_DLE.astype(np.float64),
        gated_norm_sum_DLE=count_DLE.astype(np.float64) ** 2,
        max_activation_LE=np.ones((L, E), np.float32),
        coactivation_LEE=np.zeros((L, E, E), np.int64),
    )


@pytest.fixture
def seen(tiny_qwen3: Path, tmp_path: Path) -> Path:
    path = tmp_path / "seen.safetensors"
    save_observation(observation_of(Checkpoint.open(tiny_qwen3)), path)
    return path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Run":
    return Run(monkeypatch, capsys)


class Run:
    """The command line in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: str | Path) -> tuple[int, str, str]:
        self._monkeypatch.setattr(sys, "argv", ["expertswap", "prune", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = self._capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err


def test_keeps_what_was_used_most(run: Run, tiny_qwen3: Path, seen: Path, tmp_path: Path) -> None:
    status, out, _ = run(tiny_qwen3, tmp_path / "half", "--observation", seen)
    assert status == 0
    assert "keeps 4 of 8 experts in each layer, by reap" in out
    assert "78.6% of the traffic of 14 tokens" in out
    assert "2 of 16 experts were never seen and rank lowest; 0 of them stay" in out
    (step,) = pruning_steps(tmp_path / "half")
    assert step["kept"] == {"0": [0, 1, 2, 3], "1": [0, 1, 2, 3]}
    assert step["original"]["fingerprint"] == Checkpoint.open(tiny_qwen3).fingerprint
    assert step["observation_sha256"] == hashlib.sha256(seen.read_bytes()).hexdigest()


def test_a_dry_run_writes_nothing(run: Run, tiny_qwen3: Path, seen: Path, tmp_path: Path) -> None:
    status, out, _ = run(tiny_qwen3, tmp_path / "half", "--observation", seen, "--dry-run")
    assert status == 0
    assert "become" in out
    assert not (tmp_path / "half").exists()


def test_what_was_pruned_twice_says_so(run: Run, tiny_qwen3: Path, tmp_path: Path) -> None:
    run(tiny_qwen3, tmp_path / "six", "--by", "random", "--keep", "0.75")
    run(tmp_path / "six", tmp_path / "three", "--by", "random", "--seed", "5")
    first, second = pruning_steps(tmp_path / "three")
    assert [len(step["kept"]["0"]) for step in (first, second)] == [6, 3]
    assert (first["seed"], second["seed"]) == (0, 5)
    assert second["original"]["shape"]["num_experts"] == 6


def test_super_experts_stay(run: Run, tiny_qwen3: Path, tmp_path: Path) -> None:
    observation = observation_of(Checkpoint.open(tiny_qwen3))
    activation_LE = observation.max_activation_LE.copy()
    activation_LE[0, 7] = 1000.0
    seen = tmp_path / "seen.safetensors"
    save_observation(replace(observation, max_activation_LE=activation_LE), seen)
    arguments = (tiny_qwen3, tmp_path / "half", "--observation", seen, "--keep-super-experts")
    _, out, _ = run(*arguments)
    assert "super-experts that stay: 0/7" in out
    (step,) = pruning_steps(tmp_path / "half")
    assert step["kept"]["0"] == [0, 1, 2, 7]


def test_an_observation_is_needed(run: Run, tiny_qwen3: Path, tmp_path: Path) -> None:
    status, _, said = run(tiny_qwen3, tmp_path / "half")
    assert status == 1
    assert "expertswap observe" in said


def test_an_observation_of_another_model_is_refused(
    run: Run, tiny_qwen3: Path, seen: Path, tmp_path: Path
) -> None:
    run(tiny_qwen3, tmp_path / "six", "--by", "random", "--keep", "0.75")
    status, _, said = run(tmp_path / "six", tmp_path / "three", "--observation", seen)
    assert status == 1
    assert "of another model" in said
    assert not (tmp_path / "three").exists()


def test_an_observation_of_the_wrong_shape_is_refused(
    run: Run, tiny_qwen3: Path, tmp_path: Path
) -> None:
    observation = observation_of(Checkpoint.open(tiny_qwen3))
    seen = tmp_path / "seen.safetensors"
    save_observation(replace(observation, count_DLE=observation.count_DLE[:, :1]), seen)
    status, _, said = run(tiny_qwen3, tmp_path / "half", "--observation", seen)
    assert status == 1
    assert "count_DLE has the wrong shape" in said


@pytest.mark.parametrize(("keep", "message"), [("0.1", "too few"), ("1.0", "removes none")])
def test_a_share_that_cannot_be_is_refused(
    run: Run, tiny_qwen3: Path, tmp_path: Path, keep: str, message: str
) -> None:
    status, _, said = run(tiny_qwen3, tmp_path / "half", "--by", "random", "--keep", keep)
    assert status == 1
    assert message in said


def test_a_record_that_is_none_is_refused(run: Run, tiny_qwen3: Path, tmp_path: Path) -> None:
    run(tiny_qwen3, tmp_path / "six", "--by", "random", "--keep", "0.75")
    (tmp_path / "six" / "expertswap.json").write_text(json.dumps([1]))
    status, _, said = run(tmp_path / "six", tmp_path / "three", "--by", "random")
    assert status == 1
    assert "no record of expertswap" in said
